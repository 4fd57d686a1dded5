create table vector_stores (
  id text primary key,
  project text not null,
  seq bigint not null generated always as identity,
  created_at bigint not null,
  name text,
  description text,
  expires_after json,
  expires_at bigint,
  last_active_at bigint not null,
  metadata json not null,
  -- what its vectors were made with; another embedder cannot search them
  embedder text not null,
  -- raised in every transaction after which a search must read the chunks anew
  version bigint not null default 0,
  -- its time was over and its chunks are gone; until then `expires_at` says it alone
  is_expired boolean not null default false
);
create unique index vector_stores_listed on vector_stores (project, seq);
create index vector_stores_expiring on vector_stores (expires_at) where expires_at is not null and not is_expired;

-- A file in a vector store, and the work of bringing it in.
create table vector_store_files (
  -- the order of the list, and the row's name for chunks and batches: a file that is added again has a new one
  seq bigint primary key generated always as identity,
  project text not null,
  vector_store_id text not null,
  file_id text not null,
  created_at bigint not null,
  status text not null,
  last_error json,
  chunking_strategy json not null,
  attributes json not null,
  -- of the text that was found in the file, UTF-8
  text_bytes bigint not null default 0,
  -- null: not cut into chunks yet
  chunk_count int,
  -- the chunks before this position have their vectors
  embedded int not null default 0,
  -- whether the embedder reads every chunk of this file in one piece; null: not known yet
  reads_whole boolean,
  lease_owner text,
  attempt int not null default 0,
  -- takeovers, and failures of the embedder, since the last step forward
  takeovers int not null default 0,
  failures int not null default 0,
  -- not to be tried again before, by the database's clock
  retry_at timestamptz
);
create unique index vector_store_files_once on vector_store_files (vector_store_id, file_id);
create unique index vector_store_files_listed on vector_store_files (vector_store_id, seq);
-- Counts are always taken from the rows; this makes them one look into an index.
create index vector_store_files_counted on vector_store_files (vector_store_id, status, seq) include (text_bytes);
create index vector_store_files_of_file on vector_store_files (file_id);
create index vector_store_files_open on vector_store_files (vector_store_id, seq) where status = 'in_progress';

create table file_batches (
  id text primary key,
  project text not null,
  vector_store_id text not null,
  created_at bigint not null,
  is_cancelled boolean not null default false
);
create index file_batches_of_store on file_batches (vector_store_id);

create table file_batch_files (
  batch_id text not null,
  store_file bigint not null,
  primary key (batch_id, store_file)
);
create index file_batch_files_of_file on file_batch_files (store_file);

-- The files of batches, for lists.
create view files_of_batches as
  select b.batch_id, f.* from file_batch_files b join vector_store_files f on f.seq = b.store_file;

create table chunks (
  vector_store_id text not null,
  store_file bigint not null,
  -- counts from 0 in its file
  position int not null,
  text text not null,
  -- where the text lies in the file's text, in UTF-16 units
  start_at int not null,
  end_at int not null,
  page int,
  last_page int,
  slide int,
  last_slide int,
  heading text,
  -- what the chunk is found by when words are compared
  terms bytea not null,
  primary key (vector_store_id, store_file, position)
);

-- What the embedder read in one piece: a part of one chunk, or of several that overlap.
create table chunk_windows (
  vector_store_id text not null,
  store_file bigint not null,
  -- counts in its file, with gaps
  number int not null,
  -- of the chunks that hold the window
  positions int[] not null,
  -- 32-bit floats, little-endian, of length one
  vector bytea not null,
  primary key (vector_store_id, store_file, number)
);
-- Vectors cannot be compressed, and out of line each would cost two more reads.
alter table chunk_windows alter column vector set storage main;
