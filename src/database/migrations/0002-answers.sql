-- What was answered to requests with an Idempotency-Key, for a day.
create table answers (
  project text not null,
  key text not null,
  path text not null,
  body_hash text not null,
  created_at bigint not null,
  is_done boolean not null default false,
  body text,
  run_id text,
  after int,
  primary key (project, key, path)
);
create index answers_old on answers (created_at);
