-- Contents in the blob store, by hash. Files and upload parts refer to them; a row that nothing refers to is
-- collected an hour after `released_at`. Whoever adds or removes a reference holds the row's lock.
create table blobs (
  sha256 text primary key,
  bytes bigint not null,
  -- when a reference last went, or the content came without one; null: no reason to look
  released_at bigint
);
create index blobs_released on blobs (released_at) where released_at is not null;

-- The one blob store that all processes of this database use.
create table blob_store (
  only_row boolean primary key default true check (only_row),
  identity text not null
);

create table files (
  id text primary key,
  project text not null,
  seq bigint not null generated always as identity,
  created_at bigint not null,
  expires_at bigint,
  purpose text not null,
  filename text not null,
  bytes bigint not null,
  sha256 text not null,
  -- the media type of contents that are an image which models read, told by their first bytes
  image_type text
);
create unique index files_listed on files (project, seq);
create unique index files_listed_by_purpose on files (project, purpose, seq);
create index files_of_blob on files (sha256);
create index files_expiring on files (expires_at) where expires_at is not null;

create table uploads (
  id text primary key,
  project text not null,
  created_at bigint not null,
  expires_at bigint not null,
  status text not null,
  bytes bigint not null,
  filename text not null,
  purpose text not null,
  -- how long the file will live, in the words of the request
  expires_after json
);
create index uploads_pending on uploads (expires_at) where status = 'pending';

create table upload_parts (
  id text primary key,
  upload_id text not null,
  created_at bigint not null,
  bytes bigint not null,
  sha256 text not null
);
create index parts_of_upload on upload_parts (upload_id);
create index parts_of_blob on upload_parts (sha256);

-- A file that is deleted leaves the resources that name it; these indexes find them.
create function code_interpreter_files(tool_resources json) returns text[]
  language sql immutable strict parallel safe
  return array(select json_array_elements_text(tool_resources #> '{code_interpreter,file_ids}'));

create index assistants_with_files on assistants using gin (code_interpreter_files(body -> 'tool_resources'))
  where body #>> '{tool_resources,code_interpreter,file_ids,0}' is not null;
create index threads_with_files on threads using gin (code_interpreter_files(tool_resources))
  where tool_resources #>> '{code_interpreter,file_ids,0}' is not null;
