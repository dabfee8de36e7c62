import { chunks, type Snapshot } from '../../connectors/connector.ts'
import * as queues from '../../store/queues.ts'
import { type Applied, applySnapshots } from '../apply.ts'
import { type ApplyContext, noCounts } from '../batch.ts'
import { inTransaction } from '../engine.ts'
import { columnsOf } from '../runtime.ts'
import { add, beginRead, commit, isRead, type PullWork, withAssociations } from './work.ts'

/** Rows read in one turn. */
const CLAIM = 500

/** Reads by id what webhooks, waiting references and refused reads ask for. Answers whether more is there. */
export async function pullInbox(work: PullWork): Promise<boolean> {
  const { engine, rt } = work
  const unread = rt.objects.filter((o) => !isRead(work, o))
  const claimed = await inTransaction(engine, (tx) => queues.claimInbox(tx, rt.id, CLAIM, unread))
  if (claimed.length === 0) return false
  const wanted = await inTransaction(engine, (tx) => queues.dropCovered(tx, rt.id, claimed))
  const standing = new Map<string, boolean>()
  // Parents first: a child is then judged by what became of its parent.
  const byObject = [...Map.groupBy(wanted, (c) => c.object)].sort(([a], [b]) => rt.objects.indexOf(a) - rt.objects.indexOf(b))
  for (const [object, inboxRows] of byObject) {
    if (!rt.objects.includes(object)) {
      await inTransaction(engine, (tx) => queues.finishInbox(tx, rt.id, inboxRows))
      continue
    }
    for (const piece of chunks(inboxRows, rt.connector.batch.readByIds)) {
      const ctx = await beginRead(work)
      const ids = piece.map((p) => p.externalId)
      const snapshots = await readRows(work, object, ids, standing)
      const { doubtful, targets } = await apply(work, ctx, object, snapshots, piece, standing)
      if (doubtful.size === 0) continue
      // References that are blank now: what they pointed at is looked at, and then it is known whose doing that is.
      for (const [to, rows] of Map.groupBy(targets, (t) => t.object)) {
        const reading = await beginRead(work)
        const found = await readRows(work, to, [...new Set(rows.map((r) => r.externalId))], standing)
        await apply(work, reading, to, found, [], standing)
      }
      await apply(
        work,
        ctx,
        object,
        snapshots.filter((s) => doubtful.has(s.id)),
        piece.filter((p) => doubtful.has(p.externalId)),
        standing,
      )
    }
  }
  return claimed.length === CLAIM
}

/** Rows by id with their associations, those too that nobody shows any more. Notes which ones stand. */
async function readRows(work: PullWork, object: string, ids: string[], standing: Map<string, boolean>): Promise<Snapshot[]> {
  const { rt } = work
  if (!rt.objects.includes(object)) {
    // No more mapped, so not to be read: what pointed at it points at nothing.
    for (const id of ids) standing.set(`${object} ${id}`, false)
    return []
  }
  const found: Snapshot[] = []
  for (const piece of chunks(ids, rt.connector.batch.readByIds))
    found.push(...(await rt.connector.readByIds({ object, ids: piece, columns: columnsOf(rt, object) })))
  const snapshots = await withAssociations(rt, object, found)
  const known = new Set(snapshots.flatMap((s) => [s.id, s.asked]))
  const gone = ids
    .filter((id) => !known.has(id))
    .map((id): Snapshot => ({ asked: id, id, version: 0, clock: 0, deleted: true, unseen: true, row: {} }))
  const all = [...snapshots, ...gone]
  for (const s of all) standing.set(`${object} ${s.id}`, !s.deleted)
  return all
}

/** Applies rows and takes those off the inbox that were judged. */
async function apply(
  work: PullWork,
  ctx: ApplyContext,
  object: string,
  snapshots: Snapshot[],
  claimed: queues.InboxRow[],
  standing: ReadonlyMap<string, boolean>,
): Promise<Applied> {
  if (snapshots.length === 0) return { counts: noCounts(), putBack: new Set(), doubtful: new Set(), targets: [] }
  return commit(work, async (tx) => {
    await queues.finishInbox(tx, work.rt.id, claimed)
    const applied = await applySnapshots(tx, { ...ctx, standing }, object, snapshots)
    add(work.counts, applied.counts)
    return applied
  })
}
