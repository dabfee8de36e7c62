import { chunks, type Snapshot } from '../../connectors/connector.ts'
import * as lanes from '../../store/lanes.ts'
import * as queues from '../../store/queues.ts'
import { applySnapshots } from '../apply.ts'
import { redescribe } from '../remap.ts'
import { columnsOf } from '../runtime.ts'
import { add, BATCH, beginRead, commit, type PullWork, withAssociations } from './work.ts'

/** Whether an object is to be compared now. @param now database time */
export const scanDue = (work: PullWork, object: string, now: number): boolean => {
  const state = work.objects[object]!
  return state.scanAfter !== undefined || state.scanAsked > state.scanAt || now - state.scanAt >= work.engine.timing.scanEvery
}

/**
 * Compares a complete list with what is linked, a batch a turn: deletes, restores, merges and association
 * changes that no poll shows. Rows are merged as in any read; live links without a row are read by id.
 */
export async function scan(work: PullWork, object: string): Promise<boolean> {
  const { engine, rt } = work
  const state = work.objects[object]!
  // A complete comparison begins with how the object looks now.
  if (state.scanAfter === undefined) await redescribe(engine, rt, [object, ...rt.suspended, ...rt.absent])
  const ctx = await beginRead(work)
  const began = (state.scanAfter === undefined ? undefined : state.scanBegan) ?? ctx.began
  const found: Snapshot[] = []
  let next = state.scanAfter
  do {
    const page = await rt.connector.list({ object, columns: columnsOf(rt, object), after: next })
    found.push(...page.snapshots)
    next = page.after
  } while (next && found.length < BATCH)
  const snapshots = await withAssociations(rt, object, found)
  const ids = snapshots.map((s) => s.id)
  const numeric = rt.kind === 'hubspot'
  // HubSpot's list goes on at the id it names, Salesforce's after it: ids up to the last one read are covered.
  const span = { from: state.scanTo ?? (numeric ? '0' : ''), to: next ? ids.at(-1) : undefined, numeric }
  const after: lanes.ObjectState = {
    ...state,
    scanAfter: next,
    scanTo: next ? ids.at(-1) : undefined,
    scanBegan: next ? began : undefined,
    ...(!next && { scanAt: began }),
  }
  await commit(work, async (tx) => {
    for (const piece of chunks(snapshots, BATCH)) add(work.counts, (await applySnapshots(tx, ctx, object, piece)).counts)
    await queues.touchAbsent(tx, rt.id, object, span, ids)
    await lanes.saveObject(tx, rt.id, object, after)
  })
  work.objects[object] = after
  return next !== undefined
}
