-- An imported file may come without its content: then `sha256` is null until the content is imported too.
alter table files alter column sha256 drop not null;
create index files_without_content on files (project) where sha256 is null;
