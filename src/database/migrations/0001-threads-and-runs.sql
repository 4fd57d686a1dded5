-- User-given values are kept as `json`, not `jsonb` or `text`: it keeps the order of keys, and characters that
-- PostgreSQL's text refuses (U+0000, lone surrogates) stay escaped in it.
-- No foreign keys: the engine locks a run row and then writes its messages, a thread's deletion goes the other way,
-- and key locks between the two would deadlock. The fence on the run row keeps orphans out.

create table assistants (
  id text primary key,
  project text not null,
  seq bigint not null generated always as identity,
  created_at bigint not null,
  -- name, description, model, instructions, tools, tool_resources, metadata, temperature, top_p,
  -- reasoning_effort, response_format
  body json not null
);
create unique index assistants_listed on assistants (project, seq);

create table threads (
  id text primary key,
  project text not null,
  seq bigint not null generated always as identity,
  created_at bigint not null,
  metadata json not null,
  tool_resources json not null
);
create unique index threads_listed on threads (project, seq);

-- Messages and steps share one sequence, so that a thread's turns can be put in order.
create sequence thread_items;

create table messages (
  id text primary key,
  project text not null,
  thread_id text not null,
  seq bigint not null default nextval('thread_items'),
  created_at bigint not null,
  assistant_id text,
  run_id text,
  status text not null,
  incomplete_details json,
  incomplete_at bigint,
  completed_at bigint,
  role text not null,
  content json not null,
  attachments json not null,
  metadata json not null
);
create unique index messages_listed on messages (thread_id, seq);

create table runs (
  id text primary key,
  project text not null,
  seq bigint not null generated always as identity,
  thread_id text not null,
  assistant_id text not null,
  status text not null,
  created_at bigint not null,
  started_at bigint,
  expires_at bigint not null,
  cancelled_at bigint,
  failed_at bigint,
  completed_at bigint,
  required_action json,
  last_error json,
  incomplete_details json,
  usage json,
  metadata json not null,
  -- what was copied from the assistant and the request: model, instructions, tools, temperature …
  settings json not null,
  -- number of the last entry of the run's log
  event_count int not null default 0,
  -- raised when a user changes the row, so that the owner notices that its copy is old
  revision int not null default 0,
  lease_owner text,
  attempt int not null default 0,
  -- takeovers since the last recorded step
  takeovers int not null default 0,
  trace json not null default '[]'
);
create unique index runs_listed on runs (thread_id, seq);
-- The thread lock: at most one run of a thread is active.
create unique index runs_one_active on runs (thread_id)
  where status in ('queued', 'in_progress', 'requires_action', 'cancelling');
create index runs_open on runs (seq)
  where status in ('queued', 'in_progress', 'requires_action', 'cancelling');

create table run_steps (
  id text primary key,
  project text not null,
  thread_id text not null,
  run_id text not null,
  assistant_id text not null,
  seq bigint not null default nextval('thread_items'),
  created_at bigint not null,
  type text not null,
  status text not null,
  cancelled_at bigint,
  completed_at bigint,
  expires_at bigint,
  expired_at bigint,
  failed_at bigint,
  last_error json,
  step_details json not null,
  usage json,
  -- the model's own calls, what it was told of their outcome, and what the turn cost
  turn json
);
create unique index run_steps_listed on run_steps (run_id, seq);
create index run_steps_of_thread on run_steps (thread_id, seq);

-- The run log. One row holds entries `first` to `last` as [["event name", payload], …].
create table run_events (
  run_id text not null,
  first int not null,
  last int not null,
  entries json not null,
  -- entries that close what a lost attempt had begun
  abandoned boolean not null default false,
  primary key (run_id, first)
);

-- One row a process; a lease is alive while `expires_at` lies ahead.
create table workers (
  id text primary key,
  started_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null
);
