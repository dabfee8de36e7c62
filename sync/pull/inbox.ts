import { chunks, type Snapshot } from '../../connectors/connector.ts'
import * as queues from '../../store/queues.ts'
import { applySnapshots } from '../apply.ts'
import { inTransaction } from '../engine.ts'
import { columnsOf } from '../runtime.ts'
import { add, beginRead, commit, type PullWork, withAssociations } from './work.ts'

/** Rows read in one turn. */
const CLAIM = 500

/** Reads by id what webhooks, waiting references and refused reads ask for. Answers whether more is there. */
export async function pullInbox(work: PullWork): Promise<boolean> {
  const { engine, rt } = work
  const claimed = await inTransaction(engine, (tx) => queues.claimInbox(tx, rt.id, CLAIM))
  if (claimed.length === 0) return false
  const standing = new Set<string>()
  // Parents first: a child is then judged by what became of its parent.
  const byObject = [...Map.groupBy(claimed, (c) => c.object)].sort(([a], [b]) => rt.objects.indexOf(a) - rt.objects.indexOf(b))
  for (const [object, inboxRows] of byObject) {
    if (!rt.objects.includes(object)) {
      await inTransaction(engine, (tx) => queues.finishInbox(tx, rt.id, inboxRows))
      continue
    }
    for (const piece of chunks(inboxRows, rt.connector.batch.readByIds)) {
      const ctx = await beginRead(work)
      const read = await rt.connector.readByIds({
        object,
        ids: piece.map((p) => p.externalId),
        columns: columnsOf(rt, object),
      })
      const snapshots = await withAssociations(rt, object, read)
      for (const s of snapshots) if (!s.deleted) standing.add(`${object} ${s.id}`)
      // An id that nobody knows any more was deleted for good.
      const known = new Set(snapshots.flatMap((s) => [s.id, s.asked]))
      const gone = piece
        .filter((p) => !known.has(p.externalId))
        .map(
          (p): Snapshot => ({
            asked: p.externalId,
            id: p.externalId,
            version: 0,
            clock: 0,
            deleted: true,
            row: {},
          }),
        )
      await commit(work, async (tx) => {
        await queues.finishInbox(tx, rt.id, piece)
        add(work.counts, (await applySnapshots(tx, { ...ctx, standing }, object, [...snapshots, ...gone])).counts)
      })
    }
  }
  return claimed.length === CLAIM
}
