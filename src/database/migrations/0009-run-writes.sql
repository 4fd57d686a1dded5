-- Nothing reads which entries close what a lost attempt had begun: the trace of the run names those objects.
alter table run_events drop column abandoned;

-- Recoveries after the loss of a worker, since the last recorded turn, and those in which it had answered something.
alter table runs rename column takeovers to recoveries;
alter table runs add column losses int not null default 0;
-- A run that was recovered is not recovered again before this time.
alter table runs add column claimable_at timestamptz not null default '-infinity';
-- How often owners have written, and the number of the last event of the latest such write: an owner that got no
-- answer to a write learns from them whether it was committed.
alter table runs add column writes int not null default 0;
alter table runs add column written int not null default 0;
