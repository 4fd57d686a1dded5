-- How often the chunks of a file were deleted to be made again: another version or setting of the server may make others.
alter table vector_store_files add column restarts int not null default 0;
