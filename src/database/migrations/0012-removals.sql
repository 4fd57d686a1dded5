-- What is left of deleted objects, and removed in batches: a deletion need not wait for it, and locks nothing for long.
-- Runs whose log and trace are still there.
create table removed_runs (
  run_id text primary key
);
-- Vector stores, or files of one, whose chunks and windows are still there. `store_file` 0: all files of the store.
create table removed_chunks (
  vector_store_id text not null,
  store_file bigint not null,
  primary key (vector_store_id, store_file)
);

-- Large tables are cleaned before a fifth of them is dead rows, and small ones that change each second before they grow.
alter table runs set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
alter table run_steps set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
alter table messages set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
alter table run_events set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
alter table run_work set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
alter table chunks set (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
alter table chunk_windows set (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
alter table vector_store_files set (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
alter table workers set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);
alter table answers set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
alter table removed_runs set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
