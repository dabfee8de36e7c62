import { sql } from 'kysely'
import type { Value } from '../mappings/model/value.ts'
import type { Fields, Flip, FrozenAs, RecordRow } from '../mappings/state.ts'
import { fieldsOf, type Provenance, provenanceOf, storedFields } from './compact.ts'
import { json, rows, type Tx } from './database.ts'

/** Canonical records and the journal of their changes. */

const columns = sql`id, entity, fields, origin, made_at as "madeAt", version, deleted_at is not null as deleted, frozen, delete_approved as "deleteApproved", (extract(epoch from created_at) * 1000)::bigint as "createdAt"`

/** Rows of records with their fields as the engine knows them. */
async function recordRows(tx: Tx, query: ReturnType<typeof sql<RecordRow & Provenance>>): Promise<RecordRow[]> {
  return (await rows(tx, query)).map(({ origin, madeAt, ...record }) => ({
    ...record,
    fields: fieldsOf(record.fields, { origin, madeAt }),
  }))
}

/** Reads records and locks them, always in id order: two workers never wait for each other in a ring. */
export const lockRecords = (tx: Tx, ids: string[]): Promise<RecordRow[]> =>
  ids.length === 0
    ? Promise.resolve([])
    : recordRows(tx, sql`select ${columns} from record where id = any(${ids}::uuid[]) order by id for update`)

/** Those that nobody else holds: for who holds others already, and must not wait in a ring. */
export const lockFreeRecords = (tx: Tx, ids: string[]): Promise<RecordRow[]> =>
  ids.length === 0
    ? Promise.resolve([])
    : recordRows(tx, sql`select ${columns} from record where id = any(${ids}::uuid[]) order by id for update skip locked`)

export const readRecords = (tx: Tx, ids: string[]): Promise<RecordRow[]> =>
  ids.length === 0 ? Promise.resolve([]) : recordRows(tx, sql`select ${columns} from record where id = any(${ids}::uuid[])`)

export async function insertRecords(tx: Tx, records: { id: string; entity: string; fields: Fields }[]): Promise<void> {
  if (records.length === 0) return
  const stored = records.map(({ id, entity, fields }) => {
    const from = provenanceOf(fields)
    return { id, entity, fields: storedFields(fields, from), ...from }
  })
  await sql`insert into record (id, entity, fields, origin, made_at, version)
    select r.id, r.entity, r.fields, r.origin, r."madeAt", 1
    from jsonb_to_recordset(${json(stored)}) as r(id uuid, entity text, fields jsonb, origin text, "madeAt" bigint)`.execute(tx)
}

/** Those of these records that came to be after a moment, and the row that each was made from. */
export const bornAfter = (tx: Tx, ids: string[], at: number) =>
  rows(
    tx,
    sql<{ id: string; connection: string | null; object: string | null; externalId: string | null }>`
    select record.id, connection.name as connection, link.object, link.external_id as "externalId" from record
    left join link on link.record_id = record.id and link.external_id is not null and link.external_id not like 'new %' left join connection on connection.id = link.connection_id
    where record.id = any(${ids}::uuid[]) and record.created_at > to_timestamp(${at} / 1000.0)`,
  )

/** Changed fields say of themselves where they come from. */
const NO_PROVENANCE: Provenance = { origin: null, madeAt: null }

/** Puts new field states over the present ones and raises the version. */
export async function updateRecords(tx: Tx, changes: { id: string; fields: Fields }[]): Promise<void> {
  if (changes.length === 0) return
  await sql`update record set fields = record.fields || r.fields, version = version + 1, updated_at = clock_timestamp()
    from jsonb_to_recordset(${json(changes.map((c) => ({ id: c.id, fields: storedFields(c.fields, NO_PROVENANCE) })))}) as r(id uuid, fields jsonb) where record.id = r.id`.execute(
    tx,
  )
}

/** Records that point at another by one of these fields, locked. It looks at all of them: merges are rare. */
export async function lockPointingAt(
  tx: Tx,
  fields: { entity: string; field: string; set: boolean }[],
  target: string,
): Promise<{ field: string; record: RecordRow }[]> {
  const found: { field: string; record: RecordRow }[] = []
  for (const { entity, field, set } of fields) {
    const points = set
      ? sql`fields -> ${field}::text -> 'v' @> ${json([{ partner: target }])}`
      : sql`fields -> ${field}::text ->> 'v' = ${target}`
    const pointing = await recordRows(
      tx,
      sql`select ${columns} from record where entity = ${entity} and ${points} order by id for update`,
    )
    found.push(...pointing.map((record) => ({ field, record })))
  }
  return found
}

export async function tombstone(tx: Tx, ids: string[]): Promise<void> {
  if (ids.length > 0)
    await sql`update record set deleted_at = clock_timestamp(), version = version + 1, updated_at = clock_timestamp() where id = any(${ids}::uuid[])`.execute(
      tx,
    )
}

/** Nothing is read into a frozen record or written for it until it thaws. */
export async function freeze(tx: Tx, id: string, as: FrozenAs, reason: string): Promise<void> {
  await sql`update record set frozen = ${reason}, frozen_as = ${as}, updated_at = clock_timestamp() where id = ${id}`.execute(tx)
}

export async function thaw(tx: Tx, ids: string[]): Promise<void> {
  if (ids.length > 0)
    await sql`update record set frozen = null, frozen_as = null, updated_at = clock_timestamp() where id = any(${ids}::uuid[])`.execute(
      tx,
    )
}

export const frozenAs = async (tx: Tx, as: FrozenAs): Promise<string[]> =>
  (await rows(tx, sql<{ id: string }>`select id from record where frozen_as = ${as} order by id for update`)).map((r) => r.id)

export async function approveDelete(tx: Tx, id: string): Promise<void> {
  await sql`update record set delete_approved = true where id = ${id}`.execute(tx)
}

/** Takes a tombstone back. */
export async function revive(tx: Tx, id: string): Promise<void> {
  await sql`update record set deleted_at = null, delete_approved = false, version = version + 1, updated_at = clock_timestamp() where id = ${id}`.execute(
    tx,
  )
}

export interface ChangeRow {
  recordId: string
  connectionId: string | null
  runId: string | null
  kind:
    | 'create'
    | 'update'
    | 'delete'
    | 'restore'
    | 'link'
    | 'unlink'
    | 'merge'
    | 'overruled'
    | 'adjusted'
    | 'overwritten'
    | 'conflict'
    | 'settled'
    | 'resolved'
  origin: string
  version: number
  /** Field -> [from, to]. */
  fields: Record<string, [unknown, unknown]>
}

/** Appends to the journal. */
export async function appendChanges(tx: Tx, changes: ChangeRow[]): Promise<void> {
  if (changes.length === 0) return
  await sql`insert into change (record_id, connection_id, run_id, kind, origin, version, fields)
    select r."recordId", r."connectionId", r."runId", r.kind, r.origin, r.version, r.fields
    from jsonb_to_recordset(${json(changes)}) as r("recordId" uuid, "connectionId" uuid, "runId" uuid, kind text, origin text, version bigint, fields jsonb)`.execute(
    tx,
  )
}

/** Changes of values within the last hour, by record and field, oldest first. */
export async function recentChanges(tx: Tx, ids: string[]): Promise<Map<string, Map<string, Flip[]>>> {
  const found = new Map<string, Map<string, Flip[]>>()
  if (ids.length === 0) return found
  const entries = await rows(
    tx,
    sql<{ recordId: string; origin: string; fields: Record<string, [Value, Value]>; at: number }>`
    select record_id as "recordId", origin, fields, (extract(epoch from at) * 1000)::bigint as at from change
    where record_id = any(${ids}::uuid[]) and kind in ('update', 'resolved') and at > clock_timestamp() - interval '1 hour' order by id`,
  )
  for (const { recordId, origin, fields, at } of entries)
    for (const [name, [from, to]] of Object.entries(fields)) {
      const ofRecord = found.get(recordId) ?? new Map<string, Flip[]>()
      ofRecord.set(name, [...(ofRecord.get(name) ?? []), { origin, from, to, at }])
      found.set(recordId, ofRecord)
    }
  return found
}
