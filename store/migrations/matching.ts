import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { createTable } from './table.ts'

/**
 * What the duplicate check works on. A record that was made or changed is due (a trigger says so, whoever changed it);
 * the check reads it, keeps the keys under which others find it, and counts what it holds.
 *
 * Keys and counted values are 52-bit digests: they are only ever compared for equality, and an index on a plain number
 * is used under row-level security, where one on text patterns or arrays would not be.
 */
export const matching: Migration = {
  async up(db) {
    const run = (text: string) => sql.raw(text).execute(db)
    await createTable(
      db,
      'match_due',
      'record_id uuid not null, rev int not null default 0, at timestamptz not null default clock_timestamp(), primary key (record_id, workspace_id)',
    )
    await createTable(
      db,
      'match_subject',
      'record_id uuid not null, entity text not null, keys bigint[] not null, terms bigint[] not null, primary key (record_id, workspace_id)',
    )
    await createTable(
      db,
      'match_key',
      'key bigint not null, record_id uuid not null, entity text not null, primary key (key, workspace_id, record_id) include (entity)',
    )
    await createTable(db, 'match_census', 'term bigint not null, n bigint not null, primary key (term, workspace_id)')
    for (const table of ['match_due', 'match_subject', 'match_key', 'match_census'])
      await run(`alter table ${table} drop constraint ${table}_workspace_id_fkey`)
    await run('alter table match_census set (fillfactor = 70)')
    await run(`create function note_match_due() returns trigger language plpgsql as $$ begin
      insert into match_due (record_id) select id from changed order by id on conflict (record_id, workspace_id) do update set rev = match_due.rev + 1;
      return null; end $$`)
    await run(
      'create trigger record_made after insert on record referencing new table as changed for each statement execute function note_match_due()',
    )
    await run(
      'create trigger record_changed after update on record referencing new table as changed for each statement execute function note_match_due()',
    )
    await run(`alter table match alter column connection_id drop not null, alter column object drop not null, alter column external_id drop not null,
      add column explanation jsonb`)
    await run('create index match_records on match using gin (record_ids)')
  },
}
