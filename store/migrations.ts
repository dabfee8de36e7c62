import { type Kysely, sql } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import { core } from './migrations/core.ts'
import { matching } from './migrations/matching.ts'
import { merges } from './migrations/merges.ts'
import { registrations } from './migrations/registrations.ts'
import { createTable } from './migrations/table.ts'

/**
 * The schema. Every table belongs to a workspace: the id leads every key, and row-level security hides
 * the rows of the others. SQL runs on PostgreSQL 15 and on PGlite (18).
 */

/** Why a record is frozen, for machines; and a person's word that its rows may be deleted as they are. */
const frozen: Migration = {
  async up(db) {
    await sql`alter table record add column frozen_as text, add column delete_approved boolean not null default false`.execute(db)
    await sql`create index record_frozen on record (workspace_id, frozen_as) where frozen_as is not null`.execute(db)
  },
}

/**
 * Natural keys by digest, in half the space. Rows of the large tables name a workspace by policy and by default, so
 * a foreign key that looks it up once more for every row is left to the tables that are written seldom.
 */
const lean: Migration = {
  async up(db) {
    const run = (text: string) => sql.raw(text).execute(db)
    await run('alter table natural_key alter column key type uuid using md5(key)::uuid')
    for (const table of [
      'record',
      'link',
      'write',
      'change',
      'inbox',
      'outbox',
      'staged',
      'natural_key',
      'waiting',
      'waiting_out',
    ])
      await run(`alter table ${table} drop constraint ${table}_workspace_id_fkey`)
  },
}

/** Polls that push lanes wait for. */
const demands: Migration = {
  up: (db) =>
    createTable(
      db,
      'poll_demand',
      'connection_id uuid not null, object text not null, overlap boolean not null, first_at timestamptz not null default clock_timestamp(), at timestamptz not null default clock_timestamp(), primary key (workspace_id, connection_id, object)',
    ),
}

/** How far each object is read, in rows of their own beside the lane's fence. */
const laneObjects: Migration = {
  async up(db) {
    await createTable(
      db,
      'lane_object',
      'connection_id uuid not null, object text not null, state jsonb not null, primary key (workspace_id, connection_id, object)',
    )
    await sql`insert into lane_object (workspace_id, connection_id, object, state)
      select workspace_id, connection_id, o.key, o.value from lane, jsonb_each(objects) o where direction = 'pull'`.execute(db)
    await sql`alter table lane drop column objects`.execute(db)
  },
}

/** When the record of a row to be created came to be: creates wait for a poll that began after it. */
const born: Migration = {
  async up(db) {
    await sql`alter table outbox add column born timestamptz`.execute(db)
  },
}

/** Links are changed in place several times soon after they were made: room on their pages keeps the indexes out of it. */
const room: Migration = {
  async up(db) {
    await sql`alter table link set (fillfactor = 60)`.execute(db)
    await sql`alter table outbox set (fillfactor = 80)`.execute(db)
  },
}

/**
 * Open intents in narrow rows of their own. A write is a row that is never changed again unless it is refused, and
 * neither is the wide row of its link, merely to say that a request is on its way.
 */
const openWrites: Migration = {
  async up(db) {
    const run = (text: string) => sql.raw(text).execute(db)
    await createTable(
      db,
      'open_write',
      `link_id uuid not null, write_id bigint not null, connection_id uuid not null, state text not null, sent_at timestamptz not null default clock_timestamp(),
      answered_at timestamptz, primary key (workspace_id, link_id)`,
    )
    await run('alter table open_write drop constraint open_write_workspace_id_fkey')
    await run(`insert into open_write (workspace_id, link_id, write_id, connection_id, state, sent_at, answered_at)
      select write.workspace_id, link_id, write.id, write.connection_id, write.state, sent_at, answered_at
      from write join link on link.workspace_id = write.workspace_id and link.open_write = write.id where write.state in ('sent', 'acknowledged')`)
    await run('alter table link drop column open_write')
    await run('alter table write add column refused jsonb')
    await run(`update write set refused = coalesce(error, '{}') where state = 'refused'`)
    await run('alter table write drop column state, drop column answered_at, drop column error')
    await run('alter table open_write set (fillfactor = 80)')
  },
}

/**
 * Plans that stay right while tables grow. Statistics of columns with few values (connection, object, entity), gathered
 * while one connection is read, say that the next one has no rows, and a plan made for no rows compares every row with
 * every other: so none are kept, and indexes begin with the id that is asked for, so that none of them can be read
 * from end to end for a whole connection. Of the other columns a small sample is enough; documents are not sorted.
 *
 * A row has one natural key by each rule; keys are found by equality alone. And one link by entity: an account that
 * became a partner keeps the link it had as an account, outside, in case it comes back.
 */
const plans: Migration = {
  async up(db) {
    const run = (text: string) => sql.raw(text).execute(db)
    await run(`delete from natural_key a using natural_key b where a.workspace_id = b.workspace_id and a.connection_id = b.connection_id and a.object = b.object
      and a.external_id = b.external_id and a.rank = b.rank and a.ctid > b.ctid`)
    await run('alter table natural_key drop constraint natural_key_pkey')
    await run('drop index natural_key_row')
    await run('create unique index natural_key_row on natural_key (external_id, rank, connection_id, object, workspace_id)')
    await run('create index natural_key_key on natural_key (key, workspace_id)')
    await run('drop index link_external')
    await run('drop index link_live')
    await run('drop index link_record')
    await run(
      'create unique index link_external on link (external_id, connection_id, object, entity, workspace_id) where external_id is not null',
    )
    await run(
      `create unique index link_live on link (record_id, connection_id, workspace_id) where record_id is not null and state in ('creating', 'live', 'outside')`,
    )
    await run('create index link_record on link (record_id, workspace_id)')
    await run('drop index write_link')
    await run('create index write_link on write (link_id, id, workspace_id)')
    await run('drop index change_record')
    await run('create index change_record on change (record_id, id, workspace_id)')
    await run('drop index record_entity')
    await run('create index record_entity on record (entity, id, workspace_id)')
    await run(`do $$ declare c record; begin
      for c in select table_name, column_name, data_type from information_schema.columns where table_schema = 'public'
        and table_name in ('record', 'link', 'write', 'open_write', 'change', 'inbox', 'outbox', 'staged', 'natural_key', 'waiting', 'waiting_out') loop
        execute format('alter table %I alter column %I set statistics %s', c.table_name, c.column_name,
          case when c.column_name in ('connection_id', 'object', 'entity') or c.data_type = 'jsonb' then 0 else 10 end);
      end loop; end $$`)
  },
}

/** Where a record came from, said once for all its fields. */
const provenance: Migration = {
  async up(db) {
    await sql`alter table record add column origin text, add column made_at bigint`.execute(db)
    await sql`alter table record alter column origin set statistics 0, alter column made_at set statistics 0`.execute(db)
  },
}

/** Webhooks tell when a row changed: where a later version is known it need not be read. */
const asOf: Migration = {
  async up(db) {
    await sql`alter table inbox add column as_of bigint`.execute(db)
  },
}

/** What a person decided about a conflict; complete comparisons that somebody asked for. */
const resolutions: Migration = {
  async up(db) {
    await sql`alter table conflict add column resolution jsonb, add column history jsonb`.execute(db)
    await sql`alter table lane_object add column scan_asked timestamptz not null default to_timestamp(0)`.execute(db)
  },
}

/**
 * Undos: what is to be taken back, row by row, as it was planned and shown. A run's writes are found by its id.
 */
const undos: Migration = {
  async up(db) {
    const run = (text: string) => sql.raw(text).execute(db)
    await run('create index write_run on write (run_id, link_id, workspace_id) where run_id is not null')
    await run('alter table write alter column run_id set statistics 0')
    await createTable(
      db,
      'undo',
      `id uuid not null, target jsonb not null, state text not null, at timestamptz not null default clock_timestamp(), finished_at timestamptz, primary key (workspace_id, id)`,
    )
    await createTable(
      db,
      'undo_step',
      `undo_id uuid not null, link_id uuid not null, connection_id uuid not null, record_id uuid not null, entity text not null, kind text not null, fields jsonb not null,
      kept jsonb not null, state text not null, reason text, write_id bigint, new_link_id uuid, attempts int not null default 0, not_before timestamptz not null default '-infinity',
      primary key (workspace_id, undo_id, link_id)`,
    )
    await run(`create index undo_step_open on undo_step (connection_id, workspace_id) where state = 'planned'`)
    await run('create index undo_step_write on undo_step (write_id, workspace_id) where write_id is not null')
  },
}

/** Writes whose effect is still to be looked up in the CRM's own history; conflicts whose sides are still nobody's. */
const watched: Migration = {
  async up(db) {
    await createTable(
      db,
      'watch',
      `connection_id uuid not null, write_id bigint not null, done text[] not null default '{}', not_before timestamptz not null default '-infinity', primary key (workspace_id, write_id)`,
    )
    await sql`alter table open_write add column verdict text`.execute(db)
    await sql`create index open_write_asked on open_write (connection_id, workspace_id) where verdict = 'asked'`.execute(db)
    await sql`create index watch_due on watch (connection_id, not_before, workspace_id)`.execute(db)
    await createTable(
      db,
      'trace',
      `connection_id uuid not null, conflict_id uuid not null, not_before timestamptz not null default '-infinity', primary key (workspace_id, connection_id, conflict_id)`,
    )
  },
}

/** Verifications that take their time: where one stands, and which rows it has seen. */
const resumable: Migration = {
  async up(db) {
    await sql`alter table verification add column state text not null default 'finished', add column position jsonb, add column worker uuid, add column touched timestamptz not null default clock_timestamp()`.execute(
      db,
    )
    // Objects that were read before are read by now.
    await sql`update lane_object set state = state || jsonb_build_object('readAt', (extract(epoch from clock_timestamp()) * 1000)::bigint) where state ->> 'phase' = 'poll'`.execute(
      db,
    )
    await createTable(
      db,
      'verified_row',
      'connection_id uuid not null, object text not null, external_id text not null, primary key (workspace_id, connection_id, object, external_id)',
    )
  },
}

const answers: Migration = {
  async up(db) {
    await createTable(
      db,
      'match_answer',
      'connection_id uuid not null, object text not null, external_id text not null, record_id uuid not null, same boolean not null, at timestamptz not null default clock_timestamp(), primary key (workspace_id, connection_id, object, external_id, record_id)',
    )
  },
}

export const MIGRATIONS: Record<string, Migration> = {
  '0001_core': core,
  '0002_frozen': frozen,
  '0003_lean': lean,
  '0004_poll_demand': demands,
  '0005_lane_objects': laneObjects,
  '0006_born': born,
  '0007_room': room,
  '0008_open_writes': openWrites,
  '0009_plans': plans,
  '0010_provenance': provenance,
  '0011_as_of': asOf,
  '0012_resolutions': resolutions,
  '0013_undos': undos,
  '0014_watch': watched,
  '0015_resumable': resumable,
  '0016_answers': answers,
  '0017_matching': matching,
  '0018_registrations': registrations,
  '0019_merges': merges,
}

/** Brings the schema up to date. @throws the first error, with the migration's name. */
export async function migrate(db: Kysely<unknown>): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => MIGRATIONS } })
  const { error, results } = await migrator.migrateToLatest()
  const failed = results?.find((r) => r.status === 'Error')
  if (error)
    throw new Error(`${failed ? `migration ${failed.migrationName} failed: ` : ''}${(error as Error).message}`, {
      cause: error,
    })
}
