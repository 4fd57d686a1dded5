-- Parts of the index of a store that no longer change: a search reads from them what its query needs, and not every row.
create table index_segments (
  vector_store_id text not null,
  id uuid not null default gen_random_uuid(),
  -- what is in it and by which rules it was made; one of other rules is not read
  kind text not null,
  rules int not null,
  -- its files in the order of its chunks, each with the stamp that it had and the number of its chunks
  files bigint[] not null,
  stamps bigint[] not null,
  chunk_counts int[] not null,
  -- of its chunks; empty where the kind has none
  languages text[] not null,
  primary key (vector_store_id, id)
);
create table index_pages (
  vector_store_id text not null,
  segment uuid not null,
  page int not null,
  data bytea not null,
  primary key (vector_store_id, segment, page)
);
-- It is packed already.
alter table index_pages alter column data set storage external;
-- Chunks that were added since the last segment was made.
alter table vector_stores add column new_chunks bigint not null default 0;
