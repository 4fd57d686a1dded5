-- A file that was imported without its content may have its text: what another service had read in it. Vector stores read
-- that. When the content is imported, `text_sha256` is null again.
alter table files add column text_sha256 text;
create index files_of_text on files (text_sha256) where text_sha256 is not null;
