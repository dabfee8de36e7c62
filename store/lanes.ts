import { sql } from 'kysely'
import { z } from 'zod'
import { json, rows, type Tx } from './database.ts'

/** Lanes: one active worker each, guarded by a fence; cursors per object. */

export const objectStateSchema = z.object({
  /** list: first complete read; link: staged rows are matched; poll: changes since the cursor. */
  phase: z.enum(['list', 'link', 'poll']),
  /** Where the complete list goes on. */
  after: z.string().optional(),
  /** CRM clock when the first list began: the first poll begins there. */
  began: z.number().default(0),
  cursor: z.object({ version: z.number(), id: z.string() }).default({ version: 0, id: '' }),
  /** Database time at which the last finished pull that read the overlap began. */
  done: z.number().default(0),
  /** Database time of the last read of the overlap, and of the last slow scan. */
  overlapAt: z.number().default(0),
  scanAt: z.number().default(0),
  scanAfter: z.string().optional(),
  /** Last id that the running scan has covered. */
  scanTo: z.string().optional(),
  listed: z.number().default(0),
})
export type ObjectState = z.infer<typeof objectStateSchema>
export type LaneObjects = Record<string, ObjectState>

export interface Lane {
  fence: number
  objects: LaneObjects
}

/** Takes a lane over: raises its fence, so that an older worker's transactions fail. */
export async function takeLane(tx: Tx, connectionId: string, direction: 'pull' | 'push'): Promise<Lane> {
  const [row] = await rows(
    tx,
    sql<{ fence: number; objects: unknown }>`
    insert into lane (connection_id, direction, fence) values (${connectionId}, ${direction}, 1)
    on conflict (workspace_id, connection_id, direction) do update set fence = lane.fence + 1 returning fence, objects`,
  )
  return { fence: row!.fence, objects: z.record(z.string(), objectStateSchema).parse(row!.objects) }
}

/** A worker whose lane was taken over by another. It must stop; it has committed nothing. */
export class FenceLost extends Error {
  override name = 'FenceLost'
}

/**
 * Holds the lane for this transaction, beside other transactions of the same worker: who wants to take it
 * over waits for them. @throws FenceLost when another worker has taken it.
 */
export async function holdFence(tx: Tx, connectionId: string, direction: 'pull' | 'push', fence: number): Promise<void> {
  const [row] = await rows(
    tx,
    sql<{
      fence: number
    }>`select fence from lane where connection_id = ${connectionId} and direction = ${direction} for share`,
  )
  if (row?.fence !== fence) throw new FenceLost(`the ${direction} lane was taken over`)
}

export async function saveObject(tx: Tx, connectionId: string, object: string, state: ObjectState): Promise<void> {
  await sql`update lane set objects = objects || ${json({ [object]: state })} where connection_id = ${connectionId} and direction = 'pull'`.execute(
    tx,
  )
}

export async function readLane(tx: Tx, connectionId: string, direction: 'pull' | 'push'): Promise<LaneObjects> {
  const [row] = await rows(
    tx,
    sql<{
      objects: unknown
    }>`select objects from lane where connection_id = ${connectionId} and direction = ${direction}`,
  )
  return z.record(z.string(), objectStateSchema).parse(row?.objects ?? {})
}

/** The database's clock, in milliseconds: all waiting is measured on it. */
export async function databaseNow(tx: Tx): Promise<number> {
  const [row] = await rows(tx, sql<{ now: number }>`select (extract(epoch from clock_timestamp()) * 1000)::bigint as now`)
  return row!.now
}
