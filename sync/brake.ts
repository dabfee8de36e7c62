import { sql } from 'kysely'
import { type BrakeSetting, EVERYDAY, limitOf } from '../mappings/brake.ts'
import type { CompiledMapping } from '../mappings/compile.ts'
import type { Entity } from '../mappings/model/model.ts'
import { rows, type Tx } from '../store/database.ts'
import { LEAVING } from '../store/queues.ts'
import { isClear, isOverwrite } from './merge/field.ts'
import type { Target } from './push/work.ts'
import type { Runtime } from './runtime.ts'

/** The brake: a run that would delete, clear, overwrite or lose sight of much of an object stops first and asks. */

/** What is counted: an entity's deletes, clears and overwrites, and those of single fields. */
interface Gauge {
  /** As the brake's row calls it: `delete`, or `clear phone`. */
  kind: string
  count: number
  setting: BrakeSetting
}

/** What the brake of a connection and an entity holds just now. */
export interface Held {
  delete: boolean
  /** Fields whose clears, or overwrites, are held; `*` for all. */
  clear: ReadonlySet<string>
  overwrite: ReadonlySet<string>
}

/** Whether what a target would do is held. */
export const isHeld = (held: Held, mapping: CompiledMapping, { link, record }: Target): boolean =>
  record.deleted
    ? held.delete
    : mapping.fields.some((f) => {
        const [hub, base] = [record.fields[f.name], link.base[f.name]]
        const by = (fields: ReadonlySet<string>) => fields.has('*') || fields.has(f.name)
        return (isClear(hub, base) && by(held.clear)) || (isOverwrite(hub, base) && by(held.overwrite))
      })

/** Whether a target takes something away that a brake might have to hold. */
export const takesAway = (mapping: CompiledMapping, { link, record }: Target): boolean =>
  record.deleted ||
  mapping.fields.some((f) => {
    const [hub, base] = [record.fields[f.name], link.base[f.name]]
    const { brake } = mapping.document
    return (
      isClear(hub, base) || ((brake.overwrite !== 'off' || f.mapping.brake?.overwrite !== undefined) && isOverwrite(hub, base))
    )
  })

/** Counts what waits for an entity, and notes what needs a person's approval. */
export async function holds(tx: Tx, rt: Runtime, mapping: CompiledMapping): Promise<Held> {
  const { gauges, total } = await gaugesOf(tx, rt, mapping)
  const held = { delete: false, clear: new Set<string>(), overwrite: new Set<string>() }
  for (const gauge of gauges) {
    if (!(await isOver(tx, rt, mapping.entity, gauge, total))) continue
    const [kind, field = '*'] = gauge.kind.split(' ')
    if (kind === 'delete') held.delete = true
    else held[kind as 'clear' | 'overwrite'].add(field)
  }
  return held
}

/** Of a row in the outbox, `b` being an entry of its base: the field would be blanked, or get another value. */
const CHANGED = sql`coalesce(record.fields -> b.key -> 'n', '1') <> coalesce(b.value -> 'n', '1') and b.value -> 'c' <> 'null'`
const CLEARS = sql`${CHANGED} and record.fields -> b.key -> 'v' = 'null'`
const OVERWRITES = sql`${CHANGED} and record.fields -> b.key -> 'v' <> 'null' and record.fields -> b.key -> 'v' <> b.value -> 'c'`
const WAITING = sql`from outbox join link on link.id = outbox.link_id and link.state = 'live' join record on record.id = link.record_id`

/** Rows of a connection that the brake holds, each counted once. */
export async function heldRows(tx: Tx, rt: Runtime): Promise<number> {
  const waiting = await rows(
    tx,
    sql<{
      entity: string
      kind: string
    }>`select object as entity, kind from brake where connection_id = ${rt.id} and state = 'waiting' and kind <> 'leave'`,
  )
  let held = 0
  for (const [entity, brakes] of Map.groupBy(waiting, (b) => b.entity)) {
    const fieldsOf = (kind: string) => brakes.flatMap((b) => (b.kind.split(' ')[0] === kind ? [b.kind.split(' ')[1] ?? '*'] : []))
    const of = (kind: string) => {
      const fields = fieldsOf(kind)
      return sql`(${fields.includes('*')} or b.key = any(${fields}::text[]))`
    }
    const [found] = await rows(
      tx,
      sql<{ n: number }>`select count(*) as n ${WAITING} where outbox.connection_id = ${rt.id} and outbox.entity = ${entity} and (
        (record.deleted_at is not null and ${brakes.some((b) => b.kind === 'delete')})
        or (record.deleted_at is null and exists (select 1 from jsonb_each(link.base) b where (${CLEARS} and ${of('clear')}) or (${OVERWRITES} and ${of('overwrite')}))))`,
    )
    held += found!.n
  }
  return held
}

async function gaugesOf(tx: Tx, rt: Runtime, mapping: CompiledMapping): Promise<{ gauges: Gauge[]; total: number }> {
  const { brake } = mapping.document
  const here = sql`outbox.connection_id = ${rt.id} and outbox.entity = ${mapping.entity}`
  const [all] = await rows(
    tx,
    sql<{ deletes: number; clears: number; overwrites: number }>`
    select count(*) filter (where record.deleted_at is not null) as deletes,
      count(*) filter (where record.deleted_at is null and exists (select 1 from jsonb_each(link.base) b where ${CLEARS})) as clears,
      ${brake.overwrite === 'off' ? sql`0` : sql`count(*) filter (where record.deleted_at is null and exists (select 1 from jsonb_each(link.base) b where ${OVERWRITES}))`} as overwrites
    ${WAITING} where ${here}`,
  )
  const gauges: Gauge[] = [
    { kind: 'delete', count: all!.deletes, setting: brake.delete },
    { kind: 'clear', count: all!.clears, setting: brake.clear },
    { kind: 'overwrite', count: all!.overwrites, setting: brake.overwrite },
  ]
  const own = mapping.fields.filter((f) => f.mapping.brake)
  if (own.length > 0) {
    const byField = await rows(
      tx,
      sql<{ field: string; clears: number; overwrites: number }>`
      select b.key as field, count(*) filter (where ${CLEARS}) as clears, count(*) filter (where ${OVERWRITES}) as overwrites
      ${WAITING}, jsonb_each(link.base) b where ${here} and record.deleted_at is null and b.key = any(${own.map((f) => f.name)}::text[]) group by 1`,
    )
    for (const f of own) {
      const counted = byField.find((x) => x.field === f.name)
      const { clear, overwrite } = f.mapping.brake!
      if (clear) gauges.push({ kind: `clear ${f.name}`, count: counted?.clears ?? 0, setting: clear })
      if (overwrite) gauges.push({ kind: `overwrite ${f.name}`, count: counted?.overwrites ?? 0, setting: overwrite })
    }
  }
  // All rows are counted only where a share of them may matter.
  const matters = gauges.some((g) => g.count > limitOf(g.setting, 0))
  return { gauges, total: matters ? await liveRows(tx, rt, mapping.entity) : 0 }
}

const liveRows = async (tx: Tx, rt: Runtime, entity: Entity): Promise<number> =>
  (
    await rows(
      tx,
      sql<{ n: number }>`select count(*) as n from link where connection_id = ${rt.id} and entity = ${entity} and state = 'live'`,
    )
  )[0]!.n

/**
 * Whether a gauge stands above its limit and nobody has approved what it shows; notes it when it does.
 *
 * @param total rows that the share is of.
 */
async function isOver(tx: Tx, rt: Runtime, entity: Entity, { kind, count, setting }: Gauge, total: number): Promise<boolean> {
  const [brake] = await rows(
    tx,
    sql<{
      state: string
      count: number
    }>`select state, count from brake where connection_id = ${rt.id} and object = ${entity} and kind = ${kind}`,
  )
  if (count <= limitOf(setting, total)) {
    // An approval holds for what was approved; once it is through the brake is ready again.
    // What waited and has become less may go without anybody's word.
    if (brake && (count === 0 || brake.state === 'waiting'))
      await sql`delete from brake where connection_id = ${rt.id} and object = ${entity} and kind = ${kind}`.execute(tx)
    return false
  }
  if (brake?.state === 'approved' && count <= brake.count) return false
  await sql`insert into brake (connection_id, object, kind, count, total, state) values (${rt.id}, ${entity}, ${kind}, ${count}, ${total}, 'waiting')
    on conflict (workspace_id, connection_id, object, kind) do update set count = excluded.count, total = excluded.total, state = 'waiting', at = clock_timestamp()`.execute(
    tx,
  )
  return true
}

/**
 * Whether rows that seem to have left their entity, at once and in numbers, are to be left as they are until a person
 * has looked: a filter that suddenly matches nothing, a permission that was lost, an emptied CRM look alike.
 *
 * @param leaving rows of the entity, in this read.
 */
export async function holdsLeaving(tx: Tx, rt: Runtime, mapping: CompiledMapping, leaving: readonly string[]): Promise<boolean> {
  if (leaving.length > 0 && leaving.length <= EVERYDAY && !(await isWaiting(tx, rt, mapping.entity, 'leave'))) return false
  const [found] = await rows(
    tx,
    sql<{
      n: number
    }>`select count(*) as n from inbox where connection_id = ${rt.id} and object = ${mapping.object} and reason = ${LEAVING} and not external_id = any(${leaving}::text[])`,
  )
  const gauge = { kind: 'leave', count: leaving.length + found!.n, setting: mapping.document.brake.leave }
  const total = gauge.count > limitOf(gauge.setting, 0) ? await liveRows(tx, rt, mapping.entity) : 0
  return isOver(tx, rt, mapping.entity, gauge, total)
}

const isWaiting = async (tx: Tx, rt: Runtime, entity: Entity, kind: string): Promise<boolean> =>
  (
    await rows(
      tx,
      sql<{
        n: number
      }>`select 1 as n from brake where connection_id = ${rt.id} and object = ${entity} and kind = ${kind} and state = 'waiting'`,
    )
  ).length > 0

/** An approval is for what was approved: once that is through, the next mass delete is asked about again. */
export async function releaseBrakes(tx: Tx, rt: Runtime, direction: 'pull' | 'push'): Promise<void> {
  const found = await rows(
    tx,
    sql<{
      entity: string
    }>`select distinct object as entity from brake where connection_id = ${rt.id} and (kind = 'leave') = ${direction === 'pull'}`,
  )
  for (const { entity } of found) {
    const mapping = rt.mappings.find((m) => m.entity === entity)
    if (mapping) await (direction === 'pull' ? holdsLeaving(tx, rt, mapping, []) : holds(tx, rt, mapping))
  }
}
