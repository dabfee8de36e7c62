import type { Tx } from '../../store/database.ts'
import { type Engine, inTransaction } from '../engine.ts'

/** Thrown to take a trial back; it carries nothing. */
class TrialOver extends Error {}

/**
 * Runs the engine's own steps in a transaction that is taken back whatever they do: what they would change can be
 * looked at inside, and nothing is left of it. As in any transaction, nothing waits for HTTP in here.
 */
export async function trial<T>(engine: Engine, work: (tx: Tx) => Promise<T>): Promise<T> {
  let seen: { result: T } | undefined
  try {
    await inTransaction(engine, async (tx) => {
      seen = { result: await work(tx) }
      throw new TrialOver()
    })
  } catch (error) {
    if (!(error instanceof TrialOver)) throw error
  }
  return seen!.result
}
