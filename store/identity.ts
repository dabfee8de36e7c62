import { hash } from 'node:crypto'
import { sql } from 'kysely'
import { json, rows, type Tx } from './database.ts'

/** Natural keys of external rows, rows staged at first link, reviews, redirects. */

export interface KeyRow {
  key: string
  externalId: string
  rank: number
}

/** Keys are stored by their 128-bit digest: they are only ever compared for equality. */
const digest = (key: string): string => hash('md5', key)

/** Answers rows under the keys that were asked for. */
const named = <T extends { key: string }>(keys: string[], found: T[]): T[] => {
  const byDigest = new Map(keys.map((k) => [digest(k), k]))
  return found.map((f) => ({ ...f, key: byDigest.get(f.key.replaceAll('-', ''))! }))
}

/** Replaces the keys of external rows by what they hold now. */
export async function putKeys(
  tx: Tx,
  connectionId: string,
  object: string,
  externalIds: string[],
  keys: KeyRow[],
  fresh: boolean,
): Promise<void> {
  if (externalIds.length === 0) return
  if (!fresh)
    await sql`delete from natural_key where connection_id = ${connectionId} and object = ${object} and external_id = any(${externalIds}::text[])`.execute(
      tx,
    )
  if (keys.length === 0) return
  await sql`insert into natural_key (key, connection_id, object, external_id, rank)
    select key, ${connectionId}, ${object}, external_id, rank
    from unnest(${keys.map((k) => digest(k.key))}::uuid[], ${keys.map((k) => k.externalId)}::text[], ${keys.map((k) => k.rank)}::smallint[]) as r(key, external_id, rank)
    on conflict do nothing`.execute(tx)
}

export interface Candidate {
  key: string
  recordId: string
}
/** Living records that hold one of the keys through any row, and whether they have a row on this connection. */
export const candidatesByKey = async (tx: Tx, connectionId: string, keys: string[]) =>
  keys.length === 0
    ? []
    : named(
        keys,
        await rows(
          tx,
          sql<Candidate & { taken: boolean; takenState: string | null; linkId: string | null }>`
    with k as materialized (select key, connection_id, object, external_id from natural_key where key = any(${keys.map(digest)}::uuid[]))
    select distinct k.key, l.record_id as "recordId", own.id is not null and own.state <> 'creating' as taken, own.state as "takenState", own.id as "linkId"
    from k join link l on l.connection_id = k.connection_id and l.object = k.object and l.external_id = k.external_id and l.state <> 'held'
    join record on record.id = l.record_id and record.deleted_at is null
    left join link own on own.record_id = l.record_id and own.connection_id = ${connectionId} and own.state <> 'dead'`,
        ),
      )

/** Unlinked rows of this connection that hold one of the keys. Each is looked up by index: links are many. */
export const unlinkedByKey = async (tx: Tx, connectionId: string, keys: string[]) =>
  keys.length === 0
    ? []
    : named(
        keys,
        await rows(
          tx,
          sql<{ key: string; externalId: string }>`
    select k.key, k.external_id as "externalId" from natural_key k
    left join lateral (select l.id from link l where l.connection_id = k.connection_id and l.object = k.object and l.external_id = k.external_id limit 1) own on true
    where k.key = any(${keys.map(digest)}::uuid[]) and k.connection_id = ${connectionId} and own.id is null`,
        ),
      )

// --- staging ----------------------------------------------------------------------------------------

export async function stage(
  tx: Tx,
  connectionId: string,
  object: string,
  snapshots: { externalId: string; snapshot: unknown }[],
): Promise<void> {
  if (snapshots.length === 0) return
  await sql`insert into staged (connection_id, object, external_id, snapshot)
    select ${connectionId}, ${object}, r."externalId", r.snapshot from jsonb_to_recordset(${json(snapshots)}) as r("externalId" text, snapshot jsonb)
    on conflict (workspace_id, connection_id, object, external_id) do update set snapshot = excluded.snapshot`.execute(tx)
}

export const takeStaged = <T>(tx: Tx, connectionId: string, object: string, limit: number, after = '') =>
  rows(
    tx,
    sql<{
      externalId: string
      snapshot: T
    }>`select external_id as "externalId", snapshot from staged where connection_id = ${connectionId} and object = ${object} and external_id > ${after} order by external_id limit ${limit}`,
  )

export async function dropStaged(tx: Tx, connectionId: string, object: string, externalIds: string[]): Promise<void> {
  await sql`delete from staged where connection_id = ${connectionId} and object = ${object} and external_id = any(${externalIds}::text[])`.execute(
    tx,
  )
}

// --- reviews and redirects --------------------------------------------------------------------------

export interface NewMatch {
  id: string
  entity: string
  object: string
  externalId: string
  recordIds: string[]
  reason: string
}
export async function insertMatches(tx: Tx, connectionId: string, matches: NewMatch[]): Promise<void> {
  if (matches.length === 0) return
  await sql`insert into match (id, entity, connection_id, object, external_id, record_ids, reason, state)
    select r.id, r.entity, ${connectionId}, r.object, r."externalId", array(select jsonb_array_elements_text(r."recordIds")::uuid), r.reason, 'open'
    from jsonb_to_recordset(${json(matches)}) as r(id uuid, entity text, object text, "externalId" text, "recordIds" jsonb, reason text)`.execute(
    tx,
  )
}

export async function redirectExternal(
  tx: Tx,
  connectionId: string,
  object: string,
  redirects: { from: string; to: string }[],
): Promise<void> {
  if (redirects.length === 0) return
  await sql`insert into external_redirect (connection_id, object, from_id, to_id) select ${connectionId}, ${object}, r."from", r."to"
    from jsonb_to_recordset(${json(redirects)}) as r("from" text, "to" text) on conflict (workspace_id, connection_id, object, from_id) do update set to_id = excluded.to_id`.execute(
    tx,
  )
}

export async function redirectRecord(tx: Tx, from: string, to: string): Promise<void> {
  await sql`insert into record_redirect (from_id, to_id) values (${from}, ${to}) on conflict (workspace_id, from_id) do update set to_id = excluded.to_id`.execute(
    tx,
  )
}
