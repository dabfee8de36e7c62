import type { Migration } from 'kysely/migration'
import { createTable } from './table.ts'

/** Records that people have merged: what both were before, so that it can be taken back. */
export const merges: Migration = {
  up: (db) =>
    createTable(
      db,
      'record_merge',
      `id uuid not null, survivor_id uuid not null, other_id uuid not null, by text not null, at timestamptz not null default clock_timestamp(), before jsonb not null, choice jsonb not null,
      undone_at timestamptz, primary key (workspace_id, id)`,
    ),
}
