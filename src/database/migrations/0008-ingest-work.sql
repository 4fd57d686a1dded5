alter table vector_store_files
  -- at most ten sentences on what was not read; null: none
  add column warnings json,
  -- the work has begun under this lease: only then does the end of the process count against the file
  add column is_at_work boolean not null default false,
  -- time of work since the last restart of the file
  add column work_ms bigint not null default 0;
