-- The row of a run is updated with each batch of its events. Free space in the page of the row lets PostgreSQL do that without
-- a change of the eight indexes.
alter table runs set (fillfactor = 50);
