-- Runs whose log has not been pruned yet, oldest first.
alter table runs add column has_log boolean not null default true;
create index runs_with_log on runs (created_at) where has_log;
