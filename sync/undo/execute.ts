import { ENTITIES } from '../../mappings/model/model.ts'
import * as undo from '../../store/undo.ts'
import { inTransaction } from '../engine.ts'
import type { Work } from '../push/work.ts'
import { mappingOf } from '../runtime.ts'
import { removeRows } from './remove.ts'
import { restore } from './restore.ts'
import { revert } from './revert.ts'

/** Failures after which a step is tried again. */
const PASSING = ['rate_limited', 'unavailable', 'locked', 'quota_exhausted', 'auth_expired', 'not_landed', 'not_sent', 'changed']
const RETRY_MS = 5_000
/** Steps claimed at once. */
const CLAIM = 1_000

/**
 * Carries out the steps of undos on one connection, under the push lane's fence: rows are made again parents first, and
 * removed children first. Each row is read once more before: what was changed since the plan is left as it is.
 *
 * @returns whether steps are left that are due.
 */
export async function undoSteps(work: Work, until: number): Promise<boolean> {
  const { engine, rt } = work
  const due = await inTransaction(engine, async (tx) => {
    await undo.retrySteps(tx, rt.id, PASSING, RETRY_MS)
    await undo.finishUndos(tx, PASSING)
    return undo.hasSteps(tx, rt.id)
  })
  if (!due) return false
  const parentsFirst = ENTITIES.flatMap((entity) => mappingOf(rt, entity) ?? [])
  const turns = [
    ...parentsFirst.flatMap((mapping) => [
      { mapping, kind: 'restore' as const, run: restore },
      { mapping, kind: 'update' as const, run: revert },
    ]),
    ...parentsFirst.toReversed().map((mapping) => ({ mapping, kind: 'remove' as const, run: removeRows })),
  ]
  for (const { mapping, kind, run } of turns)
    for (;;) {
      if (Date.now() >= until) return true
      const steps = await inTransaction(engine, (tx) => undo.dueSteps(tx, rt.id, mapping.entity, kind, CLAIM))
      if (steps.length === 0) break
      await run(work, mapping, steps)
    }
  await inTransaction(engine, (tx) => undo.finishUndos(tx, PASSING))
  return false
}
