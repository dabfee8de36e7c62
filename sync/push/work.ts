import type { Outcome } from '../../connectors/connector.ts'
import { CrmError } from '../../connectors/errors.ts'
import { isAssociationColumn } from '../../mappings/compile.ts'
import type { RawRow } from '../../mappings/schema.ts'
import type { RecordRow, WriteField } from '../../mappings/state.ts'
import type { Durability, Tx } from '../../store/database.ts'
import * as intents from '../../store/intents.ts'
import * as lanes from '../../store/lanes.ts'
import type * as links from '../../store/links.ts'
import type * as queues from '../../store/queues.ts'
import { type Engine, inTransaction } from '../engine.ts'
import type { Runtime } from '../runtime.ts'
import type { PushCounts } from './push.ts'

/** What the steps of a push share. */
export interface Work {
  engine: Engine
  rt: Runtime
  fence: number
  runId: string | null
  counts: PushCounts
  flightMs: number
  /** What updates replace is looked up in the CRM's own history afterwards. */
  watching: boolean
  /** Objects of which a poll is needed before the lane can go on: whether its overlap is to be read too. */
  demands: Map<string, boolean>
}

export const demand = (work: Work, object: string, overlap: boolean): void =>
  void work.demands.set(object, overlap || (work.demands.get(object) ?? false))

export interface Target {
  link: links.TicketedLink
  record: RecordRow
  outbox: queues.OutboxRow
}

export interface Planned extends Target {
  fields: Record<string, WriteField>
  row: RawRow
}

/** One transaction under the lane's fence. Intents are durable before their request leaves. */
export const commit = <T>(work: Work, body: (tx: Tx) => Promise<T>, durability?: Durability): Promise<T> =>
  inTransaction(
    work.engine,
    async (tx) => {
      await lanes.holdFence(tx, work.rt.id, 'push', work.fence)
      return body(tx)
    },
    durability,
  )

/** For what a request was answered: forgotten by a crash of the server, the write is simply still open. */
export const ANSWERED: Durability = { durable: false }

export const errorJson = (error: CrmError) => ({ class: error.class, message: error.message, ...error.detail })

export const withoutAssociations = (row: RawRow): RawRow =>
  Object.fromEntries(Object.entries(row).filter(([c]) => !isAssociationColumn(c)))

/**
 * Sends a batch. A call that failed for certain takes its intents back; one of unknown outcome leaves them open.
 *
 * @param writes link -> write
 */
export async function send(
  work: Work,
  writes: ReadonlyMap<string, number>,
  request: () => Promise<Outcome[]>,
): Promise<Outcome[]> {
  try {
    return await request()
  } catch (error) {
    // What may still land was in flight until now, however long it had waited to be sent.
    if (error instanceof CrmError && error.class === 'unknown_outcome')
      await commit(work, (tx) => intents.stillInFlight(tx, [...writes.keys()]))
    else if (error instanceof CrmError) {
      await commit(work, async (tx) => {
        await intents.refuseWrites(
          tx,
          [...writes].map(([linkId, id]) => ({ linkId, id, error: errorJson(error) })),
        )
      })
    }
    throw error
  }
}

/** Splits a list in two: those that pass, and the others. */
export function partition<T>(list: readonly T[], passes: (item: T) => boolean): [T[], T[]] {
  const grouped = Map.groupBy(list, passes)
  return [grouped.get(true) ?? [], grouped.get(false) ?? []]
}

/** Batches that are on their way at the same time. */
const IN_FLIGHT = 5

/** Runs batches, a few at a time. The first failure is thrown once all that run have ended. */
export async function concurrently(tasks: (() => Promise<void>)[]): Promise<void> {
  let next = 0
  let failure: unknown
  const worker = async () => {
    while (next < tasks.length && failure === undefined) {
      try {
        await tasks[next++]!()
      } catch (error) {
        failure ??= error
      }
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker))
  if (failure !== undefined) throw failure
}
