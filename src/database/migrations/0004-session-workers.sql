-- The process that holds the Python session of a thread: other processes leave the thread's runs to it for a moment.
alter table threads add column session_worker text;
-- Since when a run has been waiting for a worker.
alter table runs add column queued_at timestamptz not null default clock_timestamp();
