-- Files that were in a vector store when they were deleted: taking them out of the store is answered as done, once.
create table deleted_store_files (
  project text not null,
  vector_store_id text not null,
  file_id text not null,
  primary key (vector_store_id, file_id)
);
