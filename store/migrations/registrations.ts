import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { APP_ROLE, createTable } from './table.ts'

/** Deal registrations: where each stands, how it came there, by which rules; and who is told of it. */
export const registrations: Migration = {
  async up(db) {
    const run = (text: string) => sql.raw(text).execute(db)
    await createTable(
      db,
      'registration',
      `record_id uuid not null, seq bigint, state text not null, standing text, behind uuid, partner_id uuid, product text, findings jsonb not null default '[]', rules int,
      decision jsonb, remind_at timestamptz, due_at timestamptz, reminded boolean not null default false, breached boolean not null default false, protected_until timestamptz, extensions int not null default 0,
      deal_id uuid, submitted_at timestamptz not null default clock_timestamp(), decided_at timestamptz, primary key (record_id, workspace_id)`,
    )
    // First come, first served goes by the order in which checks commit under the locks of their keys, and by no clock.
    await run('create sequence registration_seq')
    await run(`grant usage on sequence registration_seq to ${APP_ROLE}`)
    await run('create index registration_clock on registration (workspace_id, state, due_at)')
    await run('create index registration_behind on registration (behind, workspace_id) where behind is not null')
    await run('create index registration_deal on registration (deal_id, workspace_id) where deal_id is not null')
    await createTable(
      db,
      'registration_due',
      'record_id uuid not null, rev int not null default 0, attempts int not null default 0, not_before timestamptz not null default clock_timestamp(), primary key (record_id, workspace_id)',
    )
    await createTable(
      db,
      'registration_event',
      `id bigint generated always as identity, record_id uuid not null, at timestamptz not null default clock_timestamp(), what text not null, "from" text, "to" text, by text not null, why text not null,
      rules int, evidence jsonb, primary key (workspace_id, id)`,
    )
    await run('create index registration_event_record on registration_event (record_id, id, workspace_id)')
    await createTable(
      db,
      'rules',
      'version int not null, text text not null, at timestamptz not null default clock_timestamp(), by text not null, primary key (workspace_id, version)',
    )
    await createTable(
      db,
      'notification',
      `id uuid not null, once text not null, kind text not null, addressee text not null, record_id uuid not null, about uuid, subject text not null, body text not null, link text not null,
      at timestamptz not null default clock_timestamp(), primary key (workspace_id, id), unique (workspace_id, once)`,
    )
    await createTable(
      db,
      'delivery',
      `notification_id uuid not null, channel text not null, connection_id uuid, state text not null, attempts int not null default 0, not_before timestamptz not null default clock_timestamp(),
      external_id text, error text, at timestamptz, primary key (workspace_id, notification_id, channel)`,
    )
    await run(`create index delivery_due on delivery (workspace_id, not_before) where state in ('waiting', 'sending')`)
  },
}
