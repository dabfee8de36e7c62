import { chunks } from '../../connectors/connector.ts'
import { CrmError } from '../../connectors/errors.ts'
import * as watch from '../../store/watch.ts'
import { type Engine, inTransaction } from '../engine.ts'
import { commit, concurrently, partition, type Work } from '../push/work.ts'
import { mappingOf, type Runtime } from '../runtime.ts'
import { accountForDeletes } from './deleted.ts'
import { tellOutcomes } from './outcome.ts'
import { accountForUpdates } from './overwritten.ts'

/**
 * Looks after our own writes: between the read before a write and the write itself another person can save, and what
 * they saved is gone from the row. Where the CRM keeps a history, it is found there.
 */

/** Writes that are looked after in one turn. */
const CLAIM = 1_000

/**
 * One turn: what became of writes without an answer, where only the history can tell. It reads, and changes nothing in
 * the CRM: so it is done where writing is held as well.
 */
export async function lookUpDoubts(engine: Engine, rt: Runtime): Promise<void> {
  const doubted = await inTransaction(engine, (tx) => watch.doubtedWrites(tx, rt.id, CLAIM))
  for (const [entity, ofEntity] of Map.groupBy(doubted, (w) => w.entity)) {
    const mapping = mappingOf(rt, entity)
    for (const piece of mapping ? chunks(ofEntity, rt.connector.batch.history) : [])
      await tellOutcomes(engine, rt, mapping!, piece)
  }
}

/** One turn: what has been written since is accounted for. @returns whether more waits. */
export async function watchWrites(work: Work): Promise<boolean> {
  const { engine, rt } = work
  const due = await inTransaction(engine, (tx) => watch.dueWatched(tx, rt.id, CLAIM))
  for (const [entity, ofEntity] of Map.groupBy(due, (w) => w.entity)) {
    const mapping = mappingOf(rt, entity)
    const [updates, deletes] = partition(ofEntity, (w) => w.kind === 'update')
    try {
      // Its object rests, or nothing maps it any more: it is looked for again.
      if (!mapping) throw new CrmError('unknown_field', `${entity} is not read just now`)
      await concurrently([
        ...chunks(updates, rt.connector.batch.history).map((piece) => () => accountForUpdates(work, mapping, piece)),
        ...chunks(deletes, rt.connector.batch.readByIds).map((piece) => () => accountForDeletes(work, mapping, piece)),
      ])
    } catch (error) {
      // What cannot be looked up now is looked up later: nothing else waits for it.
      if (!(error instanceof CrmError)) throw error
      engine.log('warn', `${rt.name}: what was replaced cannot be looked up: ${error.message}`)
      await commit(work, (tx) =>
        watch.putOffWatched(
          tx,
          ofEntity.map((w) => w.id),
          error.aboutRequest ? MUCH_LATER_MS : LATER_MS,
        ),
      )
    }
  }
  return due.length === CLAIM
}

/** What a CRM does not answer just now is asked for again; what it does not show, or forbids, seldom. */
const LATER_MS = 30_000
const MUCH_LATER_MS = 3_600_000
