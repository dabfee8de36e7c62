import { chunks } from '../../connectors/connector.ts'
import * as watch from '../../store/watch.ts'
import { inTransaction } from '../engine.ts'
import { commit, concurrently, partition, type Work } from '../push/work.ts'
import { mappingOf } from '../runtime.ts'
import { accountForDeletes } from './deleted.ts'
import { tellOutcomes } from './outcome.ts'
import { accountForUpdates } from './overwritten.ts'

/**
 * Looks after our own writes: between the read before a write and the write itself another person can save, and what
 * they saved is gone from the row. Where the CRM keeps a history, it is found there.
 */

/** Writes that are looked after in one turn. */
const CLAIM = 1_000

/** One turn: what became of writes without an answer, where only the history can tell. */
export async function lookUpDoubts(work: Work): Promise<void> {
  const { engine, rt } = work
  const doubted = await inTransaction(engine, (tx) => watch.doubtedWrites(tx, rt.id, CLAIM))
  for (const [entity, ofEntity] of Map.groupBy(doubted, (w) => w.entity)) {
    const mapping = mappingOf(rt, entity)
    for (const piece of mapping ? chunks(ofEntity, rt.connector.batch.history) : []) await tellOutcomes(work, mapping!, piece)
  }
}

/** One turn: what has been written since is accounted for. @returns whether more waits. */
export async function watchWrites(work: Work): Promise<boolean> {
  const { engine, rt } = work
  const due = await inTransaction(engine, (tx) => watch.dueWatched(tx, rt.id, CLAIM))
  for (const [entity, ofEntity] of Map.groupBy(due, (w) => w.entity)) {
    const mapping = mappingOf(rt, entity)
    if (!mapping) {
      // Nothing maps it any more: there is nobody to tell.
      await commit(work, (tx) =>
        watch.finishWatched(
          tx,
          ofEntity.map((w) => w.id),
        ),
      )
      continue
    }
    const [updates, deletes] = partition(ofEntity, (w) => w.kind === 'update')
    await concurrently([
      ...chunks(updates, rt.connector.batch.history).map((piece) => () => accountForUpdates(work, mapping, piece)),
      ...chunks(deletes, rt.connector.batch.readByIds).map((piece) => () => accountForDeletes(work, mapping, piece)),
    ])
  }
  return due.length === CLAIM
}
