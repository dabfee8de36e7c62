import { sql } from 'kysely'
import type { CompiledMapping } from '../mappings/compile.ts'
import { rows, type Tx } from '../store/database.ts'
import type { Runtime } from './runtime.ts'

/** The brake: a run that would delete or clear much of an object stops first and asks. */

/** Whichever is reached first; single deletes in a small object are everyday work. */
export const BRAKE = { share: 0.05, number: 50, everyday: 3 }

/** Whether deletes or clears that wait for an object need a person's approval; notes it when they do. */
export async function holdsBrake(tx: Tx, rt: Runtime, mapping: CompiledMapping): Promise<boolean> {
  const [found] = await rows(
    tx,
    sql<{ deletes: number; clears: number; total: number }>`
    select count(*) filter (where record.deleted_at is not null) as deletes,
      count(*) filter (where record.deleted_at is null and exists (
        select 1 from jsonb_each(link.base) b where b.value -> 'c' <> 'null' and record.fields -> b.key -> 'v' = 'null' and coalesce(record.fields -> b.key -> 'n', '1') <> coalesce(b.value -> 'n', '1'))) as clears,
      (select count(*) from link l where l.connection_id = ${rt.id} and l.entity = ${mapping.entity} and l.state = 'live') as total
    from outbox join link on link.id = outbox.link_id and link.state = 'live' join record on record.id = link.record_id
    where outbox.connection_id = ${rt.id} and outbox.entity = ${mapping.entity}`,
  )
  const { deletes, clears, total } = found!
  let held = false
  for (const [kind, count] of [
    ['delete', deletes],
    ['clear', clears],
  ] as const) {
    const limit = Math.max(BRAKE.everyday, Math.min(BRAKE.number, Math.floor(total * BRAKE.share)))
    const [brake] = await rows(
      tx,
      sql<{
        state: string
        count: number
      }>`select state, count from brake where connection_id = ${rt.id} and object = ${mapping.entity} and kind = ${kind}`,
    )
    if (count <= limit) {
      // An approval holds for what was approved; once it is through the brake is ready again.
      if (brake && count === 0)
        await sql`delete from brake where connection_id = ${rt.id} and object = ${mapping.entity} and kind = ${kind}`.execute(tx)
      continue
    }
    if (brake?.state === 'approved' && count <= brake.count) continue
    await sql`insert into brake (connection_id, object, kind, count, total, state) values (${rt.id}, ${mapping.entity}, ${kind}, ${count}, ${total}, 'waiting')
      on conflict (workspace_id, connection_id, object, kind) do update set count = excluded.count, total = excluded.total, state = 'waiting', at = clock_timestamp()`.execute(
      tx,
    )
    held = true
  }
  return held
}

/** An approval is for what was approved: once that is through, the next mass delete is asked about again. */
export async function releaseBrakes(tx: Tx, rt: Runtime): Promise<void> {
  const approved = await rows(
    tx,
    sql<{ entity: string }>`select distinct object as entity from brake where connection_id = ${rt.id}`,
  )
  for (const { entity } of approved) {
    const mapping = rt.mappings.find((m) => m.entity === entity)
    if (mapping) await holdsBrake(tx, rt, mapping)
  }
}
