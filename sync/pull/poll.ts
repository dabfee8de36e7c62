import { sql } from 'kysely'
import { chunks, type Snapshot } from '../../connectors/connector.ts'
import type { CrmError } from '../../connectors/errors.ts'
import { rows } from '../../store/database.ts'
import * as lanes from '../../store/lanes.ts'
import { applySnapshots } from '../apply.ts'
import { inTransaction } from '../engine.ts'
import { columnsOf } from '../runtime.ts'
import { add, BATCH, beginRead, commit, type PullWork, withAssociations } from './work.ts'

/** Asks what changed in these objects since their cursors; answers whether more is waiting. (Protocol: Pull.) */
export async function poll(work: PullWork, objects: string[], overlapWanted: ReadonlySet<string>): Promise<boolean> {
  const { engine, rt } = work
  let more = false
  let failure: CrmError | undefined
  for (const group of chunks(objects, rt.connector.batch.changes)) {
    const ctx = await beginRead(work)
    const requests = group.map((object) => {
      const state = work.objects[object]!
      // The overlap behind the cursor finds what became visible late.
      const overlap = overlapWanted.has(object) || ctx.began - state.overlapAt >= engine.timing.overlapEvery
      const page = state.page ?? {
        ...(overlap ? { version: Math.max(0, state.cursor.version - rt.connector.overlapMs), id: '' } : state.cursor),
        began: ctx.began,
        overlap,
      }
      return { object, columns: columnsOf(rt, object), since: { version: page.version, id: page.id }, page }
    })
    for (const answer of await rt.connector.changes(requests)) {
      if (answer.error) {
        failure = answer.error
        continue
      }
      const { page } = requests.find((r) => r.object === answer.object)!
      const { changed, echoes } = await worthMerging(work, answer.object, answer.snapshots)
      const kept = [...(await withAssociations(rt, answer.object, changed)), ...echoes]
      const applied = { ...ctx, echoes: new Set(echoes.map((e) => e.id)) }
      const state = work.objects[answer.object]!
      // A last page without rows ends where the page before it did.
      const reached = answer.upTo ?? (answer.next ? undefined : state.page && { version: state.page.version, id: state.page.id })
      const after: lanes.ObjectState = {
        ...state,
        page: answer.next && { ...answer.next, began: page.began, overlap: page.overlap },
        polledAt: ctx.began,
        ...(reached && reached.version >= state.cursor.version && { cursor: reached }),
        ...(page.overlap && !answer.next && { overlapAt: page.began, done: page.began }),
      }
      more ||= answer.next !== undefined
      await commit(work, async (tx) => {
        for (const piece of chunks(kept, BATCH)) {
          const { counts } = await applySnapshots(tx, applied, answer.object, piece)
          add(work.counts, counts)
          if (counts.updated + counts.created + counts.linked + counts.deleted > 0) after.busyAt = ctx.began
        }
        if (!answer.next) await lanes.meetDemands(tx, rt.id, answer.object, page.began, page.overlap)
        await lanes.saveObject(tx, rt.id, answer.object, after)
      })
      work.objects[answer.object] = after
    }
  }
  if (failure) throw failure
  return more
}

/**
 * Drops rows that were merged before. Echoes of our own updates are merged, for what others may have written a moment
 * before, but their associations, which leave no trace in a version, are not read for it. (Protocol: Pull.)
 */
export async function worthMerging(
  work: Pick<PullWork, 'engine' | 'rt'>,
  object: string,
  snapshots: Snapshot[],
): Promise<{ changed: Snapshot[]; echoes: Snapshot[] }> {
  const { engine, rt } = work
  if (snapshots.length === 0) return { changed: [], echoes: [] }
  const known = await inTransaction(engine, (tx) =>
    rows(
      tx,
      sql<{ externalId: string; seen: number; wrote: number; open: boolean }>`
    select external_id as "externalId", max(seen) as seen, max(wrote) as wrote, bool_or(exists (select 1 from open_write where link_id = link.id)) as open from link where connection_id = ${rt.id} and object = ${object} and external_id = any(${snapshots.map((s) => s.id)}::text[]) group by 1`,
    ),
  )
  const byId = new Map(known.map((k) => [k.externalId, k]))
  const changed: Snapshot[] = []
  const echoes: Snapshot[] = []
  const hints: string[] = []
  for (const s of snapshots) {
    const link = byId.get(s.id)
    if (rt.kind === 'salesforce') {
      // Stamps are whole seconds: an equal one may still be a second change, a deleted row always counts.
      if (!link || link.open || s.deleted || s.version >= link.seen - rt.connector.overlapMs) changed.push(s)
    } else if (!link || link.open || s.version < link.wrote) hints.push(s.id)
    else if (s.version > link.seen) (s.version === link.wrote ? echoes : changed).push(s)
  }
  // Search may lag: what it says of these is only a hint, the row itself is read by id.
  for (const piece of chunks(hints, rt.connector.batch.readByIds))
    changed.push(...(await rt.connector.readByIds({ object, ids: piece, columns: columnsOf(rt, object) })))
  return { changed, echoes }
}
