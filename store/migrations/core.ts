import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { APP_ROLE, createTable } from './table.ts'

/** The first tables, with their indexes and the role that is bound by their policies. */

const TABLES: Record<string, string> = {
  setting: `key text not null, value jsonb not null, primary key (workspace_id, key)`,
  connection: `
    id uuid not null, name text not null, kind text not null, position int not null, config jsonb not null, secrets text not null,
    sandbox boolean not null, writes_enabled boolean not null, info jsonb, created_at timestamptz not null default now(),
    primary key (workspace_id, id), unique (workspace_id, name)`,
  object_schema: `connection_id uuid not null, object text not null, schema jsonb not null, read_at timestamptz not null default now(), primary key (workspace_id, connection_id, object)`,
  crm_user: `connection_id uuid not null, id text not null, email text not null, name text not null, active boolean not null, primary key (workspace_id, connection_id, id)`,
  mapping: `connection_id uuid not null, entity text not null, version int not null, status text not null, document jsonb not null, created_at timestamptz not null default now(), primary key (workspace_id, connection_id, entity, version)`,
  record: `
    id uuid not null, entity text not null, fields jsonb not null, version bigint not null, deleted_at timestamptz, frozen text,
    created_at timestamptz not null default clock_timestamp(), updated_at timestamptz not null default clock_timestamp(), primary key (workspace_id, id)`,
  link: `
    id uuid not null, connection_id uuid not null, object text not null, entity text not null, external_id text, record_id uuid,
    state text not null, base jsonb not null, rev int not null default 0, changed xid8 not null default pg_current_xact_id(), seen bigint not null default 0, wrote bigint not null default 0,
    open_write bigint, held_reason text, primary key (workspace_id, id)`,
  write: `
    id bigint generated always as identity, batch uuid not null, run_id uuid, connection_id uuid not null, link_id uuid not null, record_id uuid not null,
    kind text not null, state text not null, fields jsonb not null, read_version bigint not null, read_clock bigint not null, sent_at timestamptz not null default clock_timestamp(),
    answered_at timestamptz, error jsonb, primary key (workspace_id, id)`,
  change: `
    id bigint generated always as identity, record_id uuid not null, connection_id uuid, run_id uuid, kind text not null, origin text not null,
    version bigint not null, fields jsonb not null, at timestamptz not null default clock_timestamp(), primary key (workspace_id, id)`,
  inbox: `connection_id uuid not null, object text not null, external_id text not null, seq bigint not null default 1, reason text not null, not_before timestamptz not null default '-infinity', at timestamptz not null default clock_timestamp(), primary key (workspace_id, connection_id, object, external_id)`,
  outbox: `link_id uuid not null, connection_id uuid not null, entity text not null, seq bigint not null default 1, attempts int not null default 0, not_before timestamptz not null default '-infinity', at timestamptz not null default clock_timestamp(), primary key (workspace_id, link_id)`,
  staged: `connection_id uuid not null, object text not null, external_id text not null, snapshot jsonb not null, primary key (workspace_id, connection_id, object, external_id)`,
  natural_key: `key text not null, connection_id uuid not null, object text not null, external_id text not null, rank smallint not null, primary key (workspace_id, key, connection_id, object, external_id)`,
  conflict: `
    id uuid not null, record_id uuid not null, field text not null, kind text not null, state text not null, base jsonb, sides jsonb not null, policy text not null, why text not null,
    rev int not null default 1, opened_at timestamptz not null default clock_timestamp(), settled_at timestamptz, settled_by text, primary key (workspace_id, id)`,
  match: `id uuid not null, entity text not null, connection_id uuid not null, object text not null, external_id text not null, record_ids uuid[] not null, reason text not null, state text not null, at timestamptz not null default clock_timestamp(), primary key (workspace_id, id)`,
  record_redirect: `from_id uuid not null, to_id uuid not null, at timestamptz not null default clock_timestamp(), primary key (workspace_id, from_id)`,
  external_redirect: `connection_id uuid not null, object text not null, from_id text not null, to_id text not null, at timestamptz not null default clock_timestamp(), primary key (workspace_id, connection_id, object, from_id)`,
  waiting: `connection_id uuid not null, waits_for text not null, object text not null, external_id text not null, primary key (workspace_id, connection_id, waits_for, object, external_id)`,
  waiting_out: `connection_id uuid not null, parent_record uuid not null, link_id uuid not null, primary key (workspace_id, connection_id, parent_record, link_id)`,
  dead_letter: `
    id uuid not null, connection_id uuid not null, link_id uuid not null, record_id uuid not null, entity text not null, field text not null, value jsonb, class text not null, message text not null,
    attempts int not null default 1, at timestamptz not null default clock_timestamp(), primary key (workspace_id, id), unique (workspace_id, link_id, field)`,
  finding: `connection_id uuid not null, code text not null, subject text not null, message text not null, count bigint not null default 1, first_at timestamptz not null default clock_timestamp(), last_at timestamptz not null default clock_timestamp(), primary key (workspace_id, connection_id, code, subject)`,
  lane: `connection_id uuid not null, direction text not null, fence bigint not null default 0, objects jsonb not null default '{}', primary key (workspace_id, connection_id, direction)`,
  budget: `connection_id uuid not null, day date not null, kind text not null, used bigint not null default 0, primary key (workspace_id, connection_id, day, kind)`,
  run: `id uuid not null, kind text not null, connection_id uuid, state text not null, counts jsonb not null default '{}', started_at timestamptz not null default clock_timestamp(), finished_at timestamptz, note text, primary key (workspace_id, id)`,
  verification: `id uuid not null, at timestamptz not null default clock_timestamp(), summary jsonb not null, differences jsonb not null, primary key (workspace_id, id)`,
  pause: `scope text not null, reason text not null, at timestamptz not null default clock_timestamp(), primary key (workspace_id, scope)`,
  brake: `connection_id uuid not null, object text not null, kind text not null, count int not null, total int not null, state text not null, at timestamptz not null default clock_timestamp(), primary key (workspace_id, connection_id, object, kind)`,
  idempotency: `key text not null, request text not null, status int not null, body jsonb, at timestamptz not null default clock_timestamp(), primary key (workspace_id, key)`,
}

const INDEXES = [
  'create unique index link_external on link (workspace_id, connection_id, object, external_id) where external_id is not null',
  `create unique index link_live on link (workspace_id, connection_id, record_id) where record_id is not null and state in ('creating', 'live', 'outside')`,
  'create index link_record on link (workspace_id, record_id)',
  'create index record_entity on record (workspace_id, entity, id)',
  'create index change_record on change (workspace_id, record_id, id)',
  'create index write_link on write (workspace_id, link_id, id)',
  `create index write_open on write (workspace_id, connection_id, sent_at) where state in ('sent', 'acknowledged')`,
  'create index natural_key_row on natural_key (workspace_id, connection_id, object, external_id)',
  "create unique index conflict_open on conflict (workspace_id, record_id, field) where state = 'open'",
  "create index match_open on match (workspace_id, connection_id, object, external_id) where state = 'open'",
  'create index dead_letter_link on dead_letter (workspace_id, link_id)',
]

export const core: Migration = {
  async up(db) {
    const run = (text: string) => sql.raw(text).execute(db)
    await run(
      `do $$ begin create role ${APP_ROLE} nologin; exception when duplicate_object then null; when unique_violation then null; end $$`,
    )
    await run(`grant ${APP_ROLE} to current_user`)
    await run(`grant usage on schema public to ${APP_ROLE}`)
    await run('create table workspace (id uuid primary key, name text not null, created_at timestamptz not null default now())')
    await run(`grant select on workspace to ${APP_ROLE}`)
    await run('alter table workspace enable row level security')
    await run(`create policy own on workspace using (id = nullif(current_setting('app.workspace', true), '')::uuid)`)
    for (const [name, columns] of Object.entries(TABLES)) await createTable(db, name, columns)
    for (const index of INDEXES) await run(index)
  },
}
