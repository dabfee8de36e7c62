import { sql } from 'kysely'
import type { Json, Value } from '../mappings/model/value.ts'
import type { WriteField, WriteRow } from '../mappings/state.ts'
import { writeOf } from './compact.ts'
import { json, rows, type Tx } from './database.ts'

/** Undos: which writes they take back, and what became of each of their steps. */

/** Writes of a run, of a record, or of a span of time (ISO times). */
export interface UndoTarget {
  run?: string | undefined
  record?: string | undefined
  from?: string | undefined
  to?: string | undefined
}

/** A write that took effect, as far as it is known. */
export interface DoneWrite {
  linkId: string
  kind: WriteRow['kind']
  fields: Record<string, WriteField>
  /** Milliseconds. */
  sentAt: number
}

const targeted = ({ run, record, from, to }: UndoTarget) => sql`
  ${run ? sql`write.run_id = ${run}` : sql`true`} and ${record ? sql`write.link_id in (select id from link where record_id = ${record})` : sql`true`}
  and ${from ? sql`write.sent_at >= ${from}::timestamptz` : sql`true`} and ${to ? sql`write.sent_at < ${to}::timestamptz` : sql`true`}`

/** Links that were written through, in order, a piece at a time. */
export const linksWritten = async (tx: Tx, target: UndoTarget, after: string, limit: number): Promise<string[]> =>
  (
    await rows(
      tx,
      sql<{
        id: string
      }>`select distinct link_id as id from write where ${targeted(target)} and link_id > ${after} and refused is null order by 1 limit ${limit}`,
    )
  ).map((r) => r.id)

/** The targeted writes of some links, oldest first. */
export async function writesOf(tx: Tx, target: UndoTarget, linkIds: string[]): Promise<DoneWrite[]> {
  const found = await rows(
    tx,
    sql<DoneWrite>`select link_id as "linkId", kind, fields, (extract(epoch from sent_at) * 1000)::bigint as "sentAt" from write
    where link_id = any(${linkIds}::uuid[]) and ${targeted(target)} and refused is null order by id`,
  )
  return found.map((w) => ({ ...w, fields: writeOf(w.fields) }))
}

/** Targeted writes of which it is not known yet what became of them. */
export const writesUnderWay = async (tx: Tx, target: UndoTarget): Promise<number> =>
  (
    await rows(
      tx,
      sql<{
        n: number
      }>`select count(*) as n from open_write join write on write.id = open_write.write_id where ${targeted(target)}`,
    )
  )[0]!.n

/** Whether a run is known, and whether it still goes on. */
export async function runState(tx: Tx, run: string): Promise<'unknown' | 'running' | 'finished'> {
  const [found] = await rows(
    tx,
    sql<{
      state: string | null
      written: boolean
    }>`select (select state from run where id = ${run}) as state, exists (select 1 from write where run_id = ${run}) as written`,
  )
  if (found!.state === null) return found!.written ? 'finished' : 'unknown'
  return found!.state === 'running' ? 'running' : 'finished'
}

/** Rows in which people changed something after a moment: link -> fields. */
export async function editedAfter(tx: Tx, asked: { linkId: string; recordId: string; connectionId: string; after: number }[]) {
  const found = await rows(
    tx,
    sql<{ linkId: string; field: string }>`
    select distinct a."linkId", f.key as field from jsonb_to_recordset(${json(asked)}) as a("linkId" uuid, "recordId" uuid, "connectionId" uuid, after bigint)
    join change on change.record_id = a."recordId" and change.connection_id = a."connectionId" and change.kind = 'update' and change.at > to_timestamp(a.after / 1000.0),
    jsonb_object_keys(change.fields) f(key)`,
  )
  return Map.groupBy(found, (f) => f.linkId)
}

export type StepKind = 'update' | 'remove' | 'restore'

/** What is to be done to one row to take its writes back. */
export interface Step {
  undoId: string
  linkId: string
  connectionId: string
  recordId: string
  entity: string
  kind: StepKind
  /** What it holds now and is to hold again: canonical values, and the wire value of then. */
  fields: Record<string, { from: Value; to: Value; raw: Json }>
  /** Fields, or `(row)`, that are left as they are: why. */
  kept: Record<string, string>
  state: 'planned' | 'sent' | 'kept'
  reason: string | null
}

export async function insertUndo(tx: Tx, id: string, target: UndoTarget): Promise<void> {
  await sql`insert into undo (id, target, state) values (${id}, ${json(target)}, 'planned')`.execute(tx)
}

export async function insertSteps(tx: Tx, steps: Step[]): Promise<void> {
  if (steps.length === 0) return
  await sql`insert into undo_step (undo_id, link_id, connection_id, record_id, entity, kind, fields, kept, state, reason)
    select r."undoId", r."linkId", r."connectionId", r."recordId", r.entity, r.kind, r.fields, r.kept, r.state, r.reason
    from jsonb_to_recordset(${json(steps)}) as r("undoId" uuid, "linkId" uuid, "connectionId" uuid, "recordId" uuid, entity text, kind text, fields jsonb, kept jsonb, state text, reason text)`.execute(
    tx,
  )
}

/** Plans that nobody carried out are forgotten after a day. */
export async function forgetPlans(tx: Tx): Promise<void> {
  await sql`with old as (delete from undo where state = 'planned' and at < clock_timestamp() - interval '1 day' returning id) delete from undo_step where undo_id in (select id from old)`.execute(
    tx,
  )
}

/** Rows of a connection that an undo is to remove. */
export const removals = (tx: Tx, undoId: string, connectionId: string) =>
  rows(
    tx,
    sql<{ linkId: string; recordId: string }>`select link_id as "linkId", record_id as "recordId" from undo_step
    where undo_id = ${undoId} and connection_id = ${connectionId} and kind = 'remove' and state = 'planned'`,
  )

/** Lets a plan be carried out; false when it is no plan any more. */
export async function startUndo(tx: Tx, id: string): Promise<boolean> {
  const started = await rows(
    tx,
    sql<{ id: string }>`update undo set state = 'running' where id = ${id} and state = 'planned' returning id`,
  )
  if (started.length === 0) return false
  await sql`insert into run (id, kind, state) values (${id}, 'undo', 'running')`.execute(tx)
  return true
}

/** Whether any undo is under way. */
export const isUndoing = async (tx: Tx): Promise<boolean> =>
  (await rows(tx, sql<{ is: boolean }>`select exists (select 1 from undo where state = 'running') as is`))[0]!.is

/** Whether a connection has steps to carry out. */
export const hasSteps = async (tx: Tx, connectionId: string): Promise<boolean> =>
  (
    await rows(
      tx,
      sql<{
        has: boolean
      }>`select exists (select 1 from undo_step join undo on undo.id = undo_step.undo_id and undo.state = 'running'
        where connection_id = ${connectionId} and undo_step.state = 'planned') as has`,
    )
  )[0]!.has

const stepColumns = sql.raw(
  `undo_id as "undoId", link_id as "linkId", connection_id as "connectionId", record_id as "recordId", entity, kind, fields, kept, undo_step.state, reason`,
)

/** Steps that are due, of one entity and kind; where several undos are about a row, one of them. */
export const dueSteps = (tx: Tx, connectionId: string, entity: string, kind: StepKind, limit: number) =>
  rows(
    tx,
    sql<Step>`select distinct on (link_id) ${stepColumns} from undo_step join undo on undo.id = undo_step.undo_id and undo.state = 'running'
    where connection_id = ${connectionId} and undo_step.state = 'planned' and entity = ${entity} and kind = ${kind} and not_before <= clock_timestamp() order by link_id, undo_id limit ${limit}`,
  )

/** When the next step that was put off is due, in milliseconds; null when none is. */
export const nextStepDue = async (tx: Tx, connectionId: string): Promise<number | null> =>
  (
    await rows(
      tx,
      sql<{
        ms: number | null
      }>`select (extract(epoch from min(not_before) - clock_timestamp()) * 1000)::bigint as ms from undo_step join undo on undo.id = undo_step.undo_id and undo.state = 'running'
      where connection_id = ${connectionId} and undo_step.state = 'planned' and not_before > '-infinity'`,
    )
  )[0]!.ms

export interface StepChange {
  undoId: string
  linkId: string
  state: Step['state']
  reason?: string | null
  kept?: Record<string, string>
  writeId?: number | null
  newLinkId?: string | null
}

export async function changeSteps(tx: Tx, changes: StepChange[]): Promise<void> {
  if (changes.length === 0) return
  await sql`update undo_step set state = r.state, reason = coalesce(r.reason, undo_step.reason), kept = undo_step.kept || coalesce(r.kept, '{}'),
      write_id = coalesce(r."writeId", undo_step.write_id), new_link_id = coalesce(r."newLinkId", undo_step.new_link_id)
    from jsonb_to_recordset(${json(changes)}) as r("undoId" uuid, "linkId" uuid, state text, reason text, kept jsonb, "writeId" bigint, "newLinkId" uuid)
    where undo_step.undo_id = r."undoId" and undo_step.link_id = r."linkId"`.execute(tx)
}

/** Steps that cannot be carried out just now are looked at again after a while. */
export async function deferSteps(tx: Tx, undoId: string, linkIds: string[], delayMs: number): Promise<void> {
  if (linkIds.length > 0)
    await sql`update undo_step set not_before = clock_timestamp() + ${delayMs} * interval '1 millisecond' where undo_id = ${undoId} and link_id = any(${linkIds}::uuid[])`.execute(
      tx,
    )
}

/** A step is tried so often. */
const ATTEMPTS = 5

/** Steps whose write did not take effect, for a reason that passes, are tried again. */
export async function retrySteps(tx: Tx, connectionId: string, passing: readonly string[], delayMs: number): Promise<void> {
  await sql`update undo_step set state = 'planned', write_id = null, attempts = attempts + 1, not_before = clock_timestamp() + ${delayMs} * interval '1 millisecond'
    from write, undo where write.id = undo_step.write_id and undo.id = undo_step.undo_id and undo.state = 'running' and undo_step.connection_id = ${connectionId} and undo_step.state = 'sent'
      and attempts < ${ATTEMPTS} and write.refused ->> 'class' = any(${passing}::text[])`.execute(tx)
}

/**
 * Undos of which every step is through are finished, and their runs with them. A step that is still to be tried again is
 * not through, whichever lane asks.
 */
export async function finishUndos(tx: Tx, passing: readonly string[]): Promise<void> {
  const over = await rows(
    tx,
    sql<{
      id: string
    }>`update undo set state = 'finished', finished_at = clock_timestamp() where state = 'running' and not exists (
      select 1 from undo_step where undo_id = undo.id and (undo_step.state = 'planned'
        or undo_step.state = 'sent' and attempts < ${ATTEMPTS} and exists (select 1 from write where write.id = undo_step.write_id and write.refused ->> 'class' = any(${passing}::text[]))
        or exists (select 1 from open_write where open_write.link_id in (undo_step.link_id, undo_step.new_link_id) and open_write.write_id = undo_step.write_id and open_write.state = 'sent'))) returning id`,
  )
  for (const { id } of over)
    await sql`update run set state = 'finished', finished_at = clock_timestamp(), counts = ${json(await countSteps(tx, id))} where id = ${id}`.execute(
      tx,
    )
}

/** What became of a step: its write tells. */
const outcome = sql`case when undo_step.state = 'sent' and write.refused is not null then 'refused' when undo_step.state = 'sent' and open_write.state = 'sent' then 'open'
  when undo_step.state = 'sent' then 'done' else undo_step.state end`
const withWrites = sql`left join write on write.id = undo_step.write_id left join open_write on open_write.link_id = write.link_id and open_write.write_id = write.id`

export type Outcome = 'planned' | 'open' | 'done' | 'refused' | 'kept'

/** Steps of an undo by connection, entity, kind and outcome. */
export const stepTotals = (tx: Tx, id: string) =>
  rows(
    tx,
    sql<{ connection: string; entity: string; kind: StepKind; outcome: Outcome; n: number }>`
    select connection.name as connection, undo_step.entity, undo_step.kind, ${outcome} as outcome, count(*) as n from undo_step join connection on connection.id = undo_step.connection_id ${withWrites}
    where undo_id = ${id} group by 1, 2, 3, 4 order by 1, 2, 3, 4`,
  )

const countSteps = async (tx: Tx, id: string): Promise<Record<string, number>> => {
  const counts: Record<string, number> = {}
  for (const t of await stepTotals(tx, id)) counts[t.outcome] = (counts[t.outcome] ?? 0) + t.n
  return counts
}

export interface StepView {
  linkId: string
  connection: string
  entity: string
  recordId: string
  name: string | null
  externalId: string | null
  newExternalId: string | null
  kind: StepKind
  outcome: Outcome
  fields: Record<string, { from: Value; to: Value }>
  kept: Record<string, string>
  reason: string | null
}

/** The steps of an undo, a page at a time. */
export const listSteps = (
  tx: Tx,
  id: string,
  { cursor, limit, outcome: only }: { cursor?: string | undefined; limit: number; outcome?: Outcome | undefined },
) =>
  rows(
    tx,
    sql<StepView>`select * from (select undo_step.link_id as "linkId", connection.name as connection, undo_step.entity, undo_step.record_id as "recordId",
      coalesce(record.fields #>> '{name,v}', record.fields #>> '{dealName,v}', record.fields #>> '{lastName,v}') as name, link.external_id as "externalId", fresh.external_id as "newExternalId", undo_step.kind,
      ${outcome} as outcome, undo_step.fields, kept, coalesce(write.refused ->> 'message', reason) as reason
    from undo_step join connection on connection.id = undo_step.connection_id left join record on record.id = undo_step.record_id left join link on link.id = undo_step.link_id
      left join link fresh on fresh.id = undo_step.new_link_id ${withWrites}
    where undo_id = ${id} ${cursor ? sql`and undo_step.link_id > ${cursor}` : sql``}) as step ${only ? sql`where outcome = ${only}` : sql``} order by "linkId" limit ${limit}`,
  )

export interface UndoRow {
  id: string
  target: UndoTarget
  state: 'planned' | 'running' | 'finished'
  at: Date
  finishedAt: Date | null
}
const undoColumns = sql.raw('id, target, state, at, finished_at as "finishedAt"')

export const findUndo = async (tx: Tx, id: string): Promise<UndoRow | undefined> =>
  (await rows(tx, sql<UndoRow>`select ${undoColumns} from undo where id = ${id}`))[0]

export const listUndos = (tx: Tx, limit: number) =>
  rows(tx, sql<UndoRow>`select ${undoColumns} from undo where state <> 'planned' order by at desc limit ${limit}`)
