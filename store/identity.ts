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
  entity: string
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
    select distinct k.key, l.record_id as "recordId", l.entity, own.id is not null and own.state <> 'creating' as taken, own.state as "takenState", own.id as "linkId"
    from k join link l on l.connection_id = k.connection_id and l.object = k.object and l.external_id = k.external_id and l.state <> 'held'
    join record on record.id = l.record_id and record.deleted_at is null
    left join link own on own.record_id = l.record_id and own.connection_id = ${connectionId} and own.state not in ('dead', 'converted')`,
        ),
        // A row that changed its entity has a link of each; the key is of one of them.
      ).filter((c) => c.key.startsWith(`${c.entity}:`))

/**
 * Unlinked rows of this connection that hold one of the keys. Each is looked up by index: links are many.
 *
 * @param except rows that are being looked at, and need not be looked up.
 */
export const unlinkedByKey = async (tx: Tx, connectionId: string, keys: string[], except: string[] = []) =>
  keys.length === 0
    ? []
    : named(
        keys,
        await rows(
          tx,
          sql<{ key: string; externalId: string }>`
    select k.key, k.external_id as "externalId" from natural_key k
    left join lateral (select l.id from link l where l.connection_id = k.connection_id and l.object = k.object and l.external_id = k.external_id limit 1) own on true
    where k.key = any(${keys.map(digest)}::uuid[]) and k.connection_id = ${connectionId} and not k.external_id = any(${except}::text[]) and own.id is null`,
        ),
      )

/** Rows, on whatever connection, that hold one of the keys, linked or not, and the record of those that are. */
export const rowsByKey = async (tx: Tx, keys: string[]) =>
  keys.length === 0
    ? []
    : named(
        keys,
        await rows(
          tx,
          sql<{
            key: string
            connectionId: string
            externalId: string
            recordId: string | null
            linkId: string | null
            state: string | null
          }>`
    select k.key, k.connection_id as "connectionId", k.external_id as "externalId", own.id as "linkId", own.record_id as "recordId", own.state from natural_key k
    left join lateral (select l.id, l.record_id, l.state from link l where l.connection_id = k.connection_id and l.object = k.object and l.external_id = k.external_id order by l.state = 'live' desc limit 1) own on true
    where k.key = any(${keys.map(digest)}::uuid[])`,
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
  connectionId: string
  entity: string
  object: string
  externalId: string
  recordIds: string[]
  reason: string
}
export async function insertMatches(tx: Tx, matches: NewMatch[]): Promise<void> {
  if (matches.length === 0) return
  await sql`insert into match (id, entity, connection_id, object, external_id, record_ids, reason, state)
    select r.id, r.entity, r."connectionId", r.object, r."externalId", array(select jsonb_array_elements_text(r."recordIds")::uuid), r.reason, 'open'
    from jsonb_to_recordset(${json(matches)}) as r(id uuid, "connectionId" uuid, entity text, object text, "externalId" text, "recordIds" jsonb, reason text)`.execute(
    tx,
  )
}

/** Rows that were linked need no review any more. */
export async function settleMatches(tx: Tx, connectionId: string, object: string, externalIds: string[]): Promise<void> {
  if (externalIds.length > 0)
    await sql`update match set state = 'settled' where connection_id = ${connectionId} and object = ${object} and external_id = any(${externalIds}::text[]) and state = 'open'`.execute(
      tx,
    )
}

/** Reviews that ask about records without any row are over. */
export async function settleAbandoned(tx: Tx, recordIds: string[]): Promise<void> {
  if (recordIds.length > 0)
    await sql`update match set state = 'settled' where state = 'open' and record_ids && ${recordIds}::uuid[]
      and not exists (select 1 from link where link.record_id = any(match.record_ids) and link.state in ('live', 'creating'))`.execute(
      tx,
    )
}

export interface SharedKey {
  entity: string
  connectionId: string
  recordIds: string[]
}

/** Sets of living records that share a key of the strongest rule with one of these. */
export const recordsSharingKeys = (tx: Tx, recordIds: string[]) =>
  recordIds.length === 0
    ? Promise.resolve([])
    : rows(
        tx,
        sql<SharedKey>`
    with own as materialized (
      select distinct k.key from link l join natural_key k on k.external_id = l.external_id and k.connection_id = l.connection_id and k.object = l.object and k.rank = 0
      where l.record_id = any(${recordIds}::uuid[]) and l.state = 'live'
    ) select l.entity, (array_agg(l.connection_id order by l.external_id desc))[1] as "connectionId", array_agg(distinct l.record_id) as "recordIds"
      from own join natural_key k on k.key = own.key and k.rank = 0
      join link l on l.external_id = k.external_id and l.connection_id = k.connection_id and l.object = k.object and l.state = 'live'
      join record r on r.id = l.record_id and r.deleted_at is null
      group by own.key, l.entity having count(distinct l.record_id) > 1`,
      )

export interface Possible {
  id: string
  entity: string
  /** Sorted. */
  recordIds: string[]
  reason: string
  explanation: unknown
}

/** Lists sets of records as possible duplicates, each set once whatever became of it. Answers how many are new. */
export async function insertPossible(tx: Tx, matches: readonly Possible[]): Promise<number> {
  if (matches.length === 0) return 0
  const made = await rows(
    tx,
    sql<{ id: string }>`
    insert into match (id, entity, record_ids, reason, explanation, state)
    select distinct on (ids) r.id, r.entity, ids, r.reason, r.explanation, 'possible'
    from jsonb_to_recordset(${json(matches)}) as r(id uuid, entity text, "recordIds" jsonb, reason text, explanation jsonb),
      lateral (select array(select jsonb_array_elements_text(r."recordIds")::uuid) as ids) as l
    where not exists (select 1 from match m where m.record_ids @> ids) returning id`,
  )
  return made.length
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
