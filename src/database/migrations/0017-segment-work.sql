-- Workers make the segments of large stores, one store at a time. While a worker does, the row names it as the owner, under
-- its lease in `workers`.
alter table vector_stores add column needs_segments boolean not null default false;
alter table vector_stores add column segments_owner text;
create index vector_stores_segments on vector_stores (id) where needs_segments or segments_owner is not null;
-- Stores that were filled by a version without segments.
update vector_stores s set needs_segments = true
where not is_expired and (
  select sum(f.chunk_count) from vector_store_files f where f.vector_store_id = s.id) >= 16384;
