/** The role that Spool connects as: it owns the tables and is not a superuser. */
import { superuser, type Address } from './address.ts'
import type { Session } from './session.ts'

/**
 * Creates the role, and makes it the owner of objects that an older version created as superuser. A superuser could
 * read files and run programs from SQL.
 */
export async function ensureServerRole({ connection }: Address, session: Session): Promise<void> {
  const { user, password } = connection
  // Neither contains quotes: the name is constant, and the password is base64url.
  const login = password === undefined ? 'login' : `login password '${password}'`
  await session.query(`
    do $$
    declare old record;
    begin
      if not exists (select from pg_roles where rolname = '${user}') then
        create role ${user};
      end if;
      alter role ${user} ${login} nosuperuser nocreatedb nocreaterole noreplication nobypassrls;
      alter schema public owner to ${user};
      for old in
        select c.oid::regclass as name, c.relkind from pg_class c
        where relnamespace = 'public'::regnamespace and relowner = '${superuser}'::regrole and relkind in ('r', 'v', 'S')
          and not exists (select from pg_depend where objid = c.oid and classid = 'pg_class'::regclass and deptype in ('a', 'i'))
      loop
        execute format('alter %s %s owner to ${user}', case old.relkind when 'v' then 'view' when 'S' then 'sequence' else 'table' end, old.name);
      end loop;
      for old in
        select oid::regprocedure as name from pg_proc
        where pronamespace = 'public'::regnamespace and proowner = '${superuser}'::regrole
      loop
        execute format('alter function %s owner to ${user}', old.name);
      end loop;
    end $$`)
}
