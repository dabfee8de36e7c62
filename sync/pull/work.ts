import { chunks, type Snapshot } from '../../connectors/connector.ts'
import type { Tx } from '../../store/database.ts'
import * as lanes from '../../store/lanes.ts'
import { type ApplyContext, type Counts, drawContext } from '../batch.ts'
import { type Engine, inTransaction } from '../engine.ts'
import { associationColumnsOf, type Runtime } from '../runtime.ts'

/** Rows merged in one transaction. */
export const BATCH = 1_000

/** What the steps of a pull share. */
export interface PullWork {
  engine: Engine
  rt: Runtime
  fence: number
  objects: lanes.LaneObjects
  counts: Counts
  runId: string | null
  /** When the lane's turn is over. */
  until: number
}

/** What a read is applied under; drawn before its request leaves. */
export async function beginRead(work: PullWork, alone = false): Promise<ApplyContext> {
  const ctx = await inTransaction(work.engine, (tx) => drawContext(tx, work.engine, work.rt, work.runId))
  return { ...ctx, alone }
}

/** Whether an object was read completely once. */
export const isRead = (work: PullWork, object: string): boolean => work.objects[object]?.phase === 'poll'

/** One transaction under the lane's fence. @param staged rows that it staged. */
export async function commit<T>(work: PullWork, body: (tx: Tx) => Promise<T>, staged = 0): Promise<T> {
  const made = (c: Counts) => c.created + c.linked + c.review
  const before = made(work.counts)
  // Forgotten by a crash of the server it would be read again: the cursor is forgotten with it.
  const merged = { durable: false }
  const result = await inTransaction(
    work.engine,
    async (tx) => {
      await lanes.holdFence(tx, work.rt.id, 'pull', work.fence)
      return body(tx)
    },
    merged,
  )
  await work.engine.db.grew(made(work.counts) - before + staged)
  for (const other of work.engine.runtimes) work.engine.nudge(other.id, 'push')
  return result
}

export function add(into: Counts, more: Counts): void {
  for (const key of Object.keys(more) as (keyof Counts)[]) into[key] += more[key]
}

/** Puts association columns into rows that were read without them. */
export async function withAssociations(rt: Runtime, object: string, snapshots: Snapshot[]): Promise<Snapshot[]> {
  const columns = associationColumnsOf(rt, object)
  if (!rt.connector.associationsApart || columns.length === 0) return snapshots
  const living = snapshots.filter((s) => !s.deleted)
  const found = new Map<string, Snapshot['row']>()
  for (const piece of chunks(living, rt.connector.batch.associations))
    for (const [id, row] of await rt.connector.readAssociations({ object, ids: piece.map((s) => s.id), columns }))
      found.set(id, row)
  return snapshots.map((s) => ({ ...s, row: { ...s.row, ...found.get(s.id) } }))
}
