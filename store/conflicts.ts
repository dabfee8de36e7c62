import { sql } from 'kysely'
import type { Entity } from '../mappings/model/model.ts'
import type { ConflictKind, ConflictRow } from '../mappings/state.ts'
import { json, rows, type Tx } from './database.ts'

/** Conflicts, dead letters and findings: what a person is asked or told. */

const columns = sql.raw('id, record_id as "recordId", field, kind, base, sides, policy, why, rev')

export const openConflicts = (tx: Tx, recordIds: string[]) =>
  recordIds.length === 0
    ? Promise.resolve([])
    : rows(tx, sql<ConflictRow>`select ${columns} from conflict where record_id = any(${recordIds}::uuid[]) and state = 'open'`)

export async function insertConflicts(tx: Tx, conflicts: ConflictRow[]): Promise<void> {
  if (conflicts.length === 0) return
  await sql`insert into conflict (id, record_id, field, kind, state, base, sides, policy, why, rev, history)
    select r.id, r."recordId", r.field, r.kind, 'open', r.base, r.sides, r.policy, r.why, r.rev, r.history
    from jsonb_to_recordset(${json(conflicts)}) as r(id uuid, "recordId" uuid, field text, kind text, base jsonb, sides jsonb, policy text, why text, rev int, history jsonb) on conflict do nothing`.execute(
    tx,
  )
  await toTrace(tx, conflicts)
}

/** Who set the sides that came from a CRM is to be looked up there. */
async function toTrace(tx: Tx, conflicts: ConflictRow[]): Promise<void> {
  const wanted = conflicts.flatMap((c) => c.sides.filter((s) => s.by === undefined).map((s) => ({ id: c.id, origin: s.origin })))
  await sql`insert into trace (connection_id, conflict_id) select distinct connection.id, r.id
    from jsonb_to_recordset(${json(wanted)}) as r(id uuid, origin text) join connection on connection.id::text = r.origin join conflict on conflict.id = r.id
    on conflict do nothing`.execute(tx)
}

export interface Untraced extends ConflictRow {
  entity: Entity
  /** The record's row in that CRM. */
  externalId: string | null
}

/** Open conflicts with a side from a connection of which it is not known yet who set it, and when. */
export async function untraced(tx: Tx, connectionId: string, limit: number): Promise<Untraced[]> {
  await sql`delete from trace using conflict where trace.connection_id = ${connectionId} and conflict.id = trace.conflict_id and conflict.state <> 'open'`.execute(
    tx,
  )
  return rows(
    tx,
    sql<Untraced>`select conflict.id, conflict.record_id as "recordId", field, kind, conflict.base, sides, policy, why, conflict.rev, record.entity,
      (select external_id from link where link.record_id = conflict.record_id and link.connection_id = ${connectionId} and link.state in ('live', 'outside') limit 1) as "externalId"
    from trace join conflict on conflict.id = trace.conflict_id join record on record.id = conflict.record_id
    where trace.connection_id = ${connectionId} and trace.not_before <= clock_timestamp() limit ${limit}`,
  )
}

export async function traced(tx: Tx, connectionId: string, ids: string[]): Promise<void> {
  await sql`delete from trace where connection_id = ${connectionId} and conflict_id = any(${ids}::uuid[])`.execute(tx)
}

export async function traceLater(tx: Tx, connectionId: string, delayMs: number): Promise<void> {
  await sql`update trace set not_before = clock_timestamp() + ${delayMs} * interval '1 millisecond' where connection_id = ${connectionId}`.execute(
    tx,
  )
}

/** Says more of the sides of conflicts, where they are still those that were looked at. */
export async function tellSides(tx: Tx, conflicts: ConflictRow[]): Promise<void> {
  await sql`update conflict set sides = r.sides from jsonb_to_recordset(${json(conflicts)}) as r(id uuid, rev int, sides jsonb)
    where conflict.id = r.id and conflict.rev = r.rev and conflict.state = 'open'`.execute(tx)
}

export async function updateConflicts(tx: Tx, conflicts: ConflictRow[]): Promise<void> {
  if (conflicts.length === 0) return
  await sql`update conflict set sides = r.sides, rev = r.rev from jsonb_to_recordset(${json(conflicts)}) as r(id uuid, sides jsonb, rev int) where conflict.id = r.id and state = 'open'`.execute(
    tx,
  )
  await toTrace(tx, conflicts)
}

export async function settleConflicts(tx: Tx, ids: string[], by: string): Promise<void> {
  if (ids.length > 0)
    await sql`update conflict set state = 'settled', settled_at = clock_timestamp(), settled_by = ${by} where id = any(${ids}::uuid[])`.execute(
      tx,
    )
}

/** Conflicts with the answers that settle them: what was chosen, and the value that it came to. */
export async function resolveConflicts(tx: Tx, answers: { id: string; by: string; resolution: unknown }[]): Promise<void> {
  if (answers.length === 0) return
  await sql`update conflict set state = 'settled', settled_at = clock_timestamp(), settled_by = r.by, resolution = r.resolution
    from jsonb_to_recordset(${json(answers)}) as r(id uuid, by text, resolution jsonb) where conflict.id = r.id`.execute(tx)
}

/** Conflicts in whatever state, locked. */
export const lockConflicts = (tx: Tx, ids: string[]) =>
  ids.length === 0
    ? Promise.resolve([])
    : rows(
        tx,
        sql<
          ConflictRow & { state: 'open' | 'settled'; settledBy: string | null }
        >`select ${columns}, state, settled_by as "settledBy" from conflict where id = any(${ids}::uuid[]) order by id for update`,
      )

/** Open conflicts by what they are about. */
export const openConflictsWhere = (
  tx: Tx,
  { entity, field, kinds }: { entity?: string | undefined; field?: string | undefined; kinds?: ConflictKind[] | undefined },
) =>
  rows(
    tx,
    sql<{
      id: string
      rev: number
    }>`select conflict.id, rev from conflict join record on record.id = conflict.record_id where conflict.state = 'open'
    ${entity ? sql`and record.entity = ${entity}` : sql``} ${field ? sql`and field = ${field}` : sql``} ${kinds ? sql`and conflict.kind = any(${kinds}::text[])` : sql``} order by conflict.id`,
  )

export interface DeadLetter {
  id: string
  linkId: string
  recordId: string
  entity: string
  field: string
  value: unknown
  class: string
  message: string
}

/** A value that a CRM refused is not sent again until a person or a new value changes that. */
export async function putDeadLetters(tx: Tx, connectionId: string, letters: DeadLetter[]): Promise<void> {
  if (letters.length === 0) return
  const unique = [...new Map(letters.map((l) => [`${l.linkId} ${l.field}`, l])).values()]
  await sql`insert into dead_letter (id, connection_id, link_id, record_id, entity, field, value, class, message)
    select r.id, ${connectionId}, r."linkId", r."recordId", r.entity, r.field, r.value, r.class, r.message
    from jsonb_to_recordset(${json(unique)}) as r(id uuid, "linkId" uuid, "recordId" uuid, entity text, field text, value jsonb, class text, message text)
    on conflict (workspace_id, link_id, field) do update set value = excluded.value, class = excluded.class, message = excluded.message, attempts = dead_letter.attempts + 1, at = clock_timestamp()`.execute(
    tx,
  )
}

export const deadLettersOf = (tx: Tx, linkIds: string[]) =>
  linkIds.length === 0
    ? Promise.resolve([])
    : rows(
        tx,
        sql<{
          id: string
          linkId: string
          field: string
          value: unknown
          attempts: number
        }>`select id, link_id as "linkId", field, value, attempts from dead_letter where link_id = any(${linkIds}::uuid[])`,
      )

/** What was refused as a whole went through: only letters about single fields still hold. */
export async function dropWholeLetters(tx: Tx, linkIds: string[]): Promise<void> {
  if (linkIds.length > 0)
    await sql`delete from dead_letter where link_id = any(${linkIds}::uuid[]) and field in ('(record)', '(create)')`.execute(tx)
}

export async function dropDeadLetters(tx: Tx, ids: string[]): Promise<void> {
  if (ids.length > 0) await sql`delete from dead_letter where id = any(${ids}::uuid[])`.execute(tx)
}

export interface Finding {
  code: string
  subject: string
  message: string
  count: number
}

/** Counts findings: one row per code and subject, however often it occurs. */
export async function putFindings(tx: Tx, connectionId: string, findings: Finding[]): Promise<void> {
  if (findings.length === 0) return
  const unique = new Map<string, Finding>()
  for (const f of findings)
    unique.set(`${f.code} ${f.subject}`, { ...f, count: f.count + (unique.get(`${f.code} ${f.subject}`)?.count ?? 0) })
  await sql`insert into finding (connection_id, code, subject, message, count)
    select ${connectionId}, r.code, r.subject, r.message, r.count from jsonb_to_recordset(${json([...unique.values()])}) as r(code text, subject text, message text, count bigint)
    on conflict (workspace_id, connection_id, code, subject) do update set count = finding.count + excluded.count, message = excluded.message, last_at = clock_timestamp()`.execute(
    tx,
  )
}

/** Takes findings of a kind back, but for those that still hold. */
export async function dropFindings(tx: Tx, connectionId: string, code: string, except: string[]): Promise<void> {
  await sql`delete from finding where connection_id = ${connectionId} and code = ${code} and not subject = any(${except}::text[])`.execute(
    tx,
  )
}

/** Takes a finding back that no longer holds. */
export async function dropFinding(tx: Tx, connectionId: string, code: string, subject: string): Promise<void> {
  await sql`delete from finding where connection_id = ${connectionId} and code = ${code} and subject = ${subject}`.execute(tx)
}
