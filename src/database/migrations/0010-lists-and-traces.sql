-- The runs of all threads of a project, newest first, also of one assistant, or of those that did not complete.
create unique index runs_of_project on runs (project, seq);
create index runs_of_assistant on runs (assistant_id, seq);
create index runs_not_completed on runs (project, status, seq)
  where status in ('failed', 'incomplete', 'expired', 'cancelled');

-- What runs did: stretches of work, requests to models, tool calls. Part of no object, and removed after some days.
create table run_work (
  id text primary key,
  run_id text not null,
  -- Unix ms
  started_at bigint not null,
  -- since when the run had waited for a worker when this was first written, Unix ms
  queued_at bigint not null,
  body json not null
);
create index run_work_of_run on run_work (run_id, started_at);
create index run_work_old on run_work (started_at);
