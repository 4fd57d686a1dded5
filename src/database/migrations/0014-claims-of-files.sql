-- The first file of each store that a worker may claim: one look into the index, however many files wait.
create index vector_store_files_waiting
  on vector_store_files (vector_store_id, (chunk_count is not null), takeovers, seq)
  where status = 'in_progress' and lease_owner is null;
create index vector_store_files_leased on vector_store_files (lease_owner)
  where status = 'in_progress' and lease_owner is not null;
