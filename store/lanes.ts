import { sql } from 'kysely'
import { z } from 'zod'
import { json, rows, type Tx } from './database.ts'

/** Lanes: one active worker each, guarded by a fence; cursors per object. */

export const objectStateSchema = z.object({
  /** list: first complete read; key: natural keys that need parents; link: staged rows are matched; poll: changes. */
  phase: z.enum(['list', 'key', 'link', 'poll']),
  /** Where the complete list goes on. */
  after: z.string().optional(),
  /** CRM clock when the first list began: the first poll begins there. */
  began: z.number().default(0),
  /** Database time at which the first complete read had ended. */
  readAt: z.number().optional(),
  cursor: z.object({ version: z.number(), id: z.string() }).default({ version: 0, id: '' }),
  /** In the middle of a poll's pages: where it goes on, when it began, and whether it reads the overlap. */
  page: z.object({ version: z.number(), id: z.string(), began: z.number(), overlap: z.boolean() }).optional(),
  /** Database time of the last poll, and of the last one that brought a change. */
  polledAt: z.number().default(0),
  busyAt: z.number().default(0),
  /** Database time at which the last finished pull that read the overlap began. */
  done: z.number().default(0),
  /** Database time of the last read of the overlap, and when the last finished slow scan began. */
  overlapAt: z.number().default(0),
  scanAt: z.number().default(0),
  /** When the running scan began; when somebody asked for one. */
  scanBegan: z.number().optional(),
  scanAsked: z.number().default(0),
  scanAfter: z.string().optional(),
  /** Last id that the running scan has covered. */
  scanTo: z.string().optional(),
  listed: z.number().default(0),
  /** Last staged row whose natural keys are stored. */
  keyed: z.string().optional(),
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
    sql<{ fence: number }>`
    insert into lane (connection_id, direction, fence) values (${connectionId}, ${direction}, 1)
    on conflict (workspace_id, connection_id, direction) do update set fence = lane.fence + 1 returning fence`,
  )
  return { fence: row!.fence, objects: await readObjects(tx, connectionId) }
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

/** Stores how far the reads of an object are. Rows of their own: steps of one turn never wait for each other's. */
export async function saveObject(tx: Tx, connectionId: string, object: string, state: ObjectState): Promise<void> {
  await sql`insert into lane_object (connection_id, object, state) values (${connectionId}, ${object}, ${json(state)})
    on conflict (workspace_id, connection_id, object) do update set state = excluded.state`.execute(tx)
}

/** Asks for an object's rows to be compared completely, whenever the last scan was. */
export async function demandScan(tx: Tx, connectionId: string, object: string): Promise<void> {
  await sql`update lane_object set scan_asked = clock_timestamp() where connection_id = ${connectionId} and object = ${object}`.execute(
    tx,
  )
}

/** Creates wait for no poll any more: for a trial, which has just read what a poll would bring. */
export async function assumePolled(tx: Tx, connectionId: string): Promise<void> {
  await sql`update lane_object set state = state || '{"done": 9e15}' where connection_id = ${connectionId}`.execute(tx)
}

/**
 * Keeps the end of first reads and the making of records apart until the transaction ends: a record is made either
 * before an object counts as read, and is seen when that read ends, or after it, and goes out by itself.
 */
export async function holdFirstReads(tx: Tx, as: 'maker' | 'ender'): Promise<void> {
  const lock = sql.raw(as === 'maker' ? 'pg_advisory_xact_lock_shared' : 'pg_advisory_xact_lock')
  await sql`select ${lock}(hashtextextended('first reads ' || current_setting('app.workspace'), 0))`.execute(tx)
}

/** How far the reads of a connection's objects are. */
export async function readObjects(tx: Tx, connectionId: string): Promise<LaneObjects> {
  const found = await rows(
    tx,
    sql<{
      object: string
      state: unknown
    }>`select object, state || jsonb_build_object('scanAsked', (extract(epoch from scan_asked) * 1000)::bigint) as state from lane_object where connection_id = ${connectionId}`,
  )
  return Object.fromEntries(found.map((f) => [f.object, objectStateSchema.parse(f.state)]))
}

/** The database's clock, in milliseconds: all waiting is measured on it. */
export async function databaseNow(tx: Tx): Promise<number> {
  const [row] = await rows(tx, sql<{ now: number }>`select (extract(epoch from clock_timestamp()) * 1000)::bigint as now`)
  return row!.now
}

/** A poll that somebody waits for: creates need the overlap read. */
export interface Demand {
  object: string
  overlap: boolean
}

/**
 * Asks for polls. What waits for an overlap read are creates of records that came to be before `since`: a poll that
 * began after it, under way or just ended, serves them. The others ask for a poll that begins from now on.
 */
export async function demandPolls(tx: Tx, connectionId: string, demands: Demand[], since: number): Promise<void> {
  if (demands.length === 0) return
  const done = await readObjects(tx, connectionId)
  const unmet = demands.filter((d) => !d.overlap || (done[d.object]?.done ?? 0) < since)
  await sql`insert into poll_demand (connection_id, object, overlap, at)
    select ${connectionId}, r.object, r.overlap, case when r.overlap then to_timestamp(${since} / 1000.0) else clock_timestamp() end
    from jsonb_to_recordset(${json(unmet)}) as r(object text, overlap boolean)
    on conflict (workspace_id, connection_id, object) do update set overlap = poll_demand.overlap or excluded.overlap, at = greatest(poll_demand.at, excluded.at)`.execute(
    tx,
  )
}

export const demandedPolls = (tx: Tx, connectionId: string) =>
  rows(tx, sql<Demand>`select object, overlap from poll_demand where connection_id = ${connectionId}`)

/** Asks for one poll of each object with writes that were acknowledged and that no read has shown yet. */
export async function demandConfirmation(tx: Tx, connectionId: string): Promise<void> {
  const open = await rows(
    tx,
    sql<{
      object: string
    }>`select distinct object from open_write join link on link.id = open_write.link_id where open_write.connection_id = ${connectionId} and open_write.state = 'acknowledged'`,
  )
  await demandPolls(
    tx,
    connectionId,
    open.map(({ object }) => ({ object, overlap: false })),
    0,
  )
}

/** Ends demands that were raised before a poll began. @param overlap whether it read the overlap. */
export async function meetDemands(tx: Tx, connectionId: string, object: string, began: number, overlap: boolean): Promise<void> {
  await sql`delete from poll_demand where connection_id = ${connectionId} and object = ${object} and at <= to_timestamp(${began} / 1000.0) and (${overlap} or not overlap)`.execute(
    tx,
  )
}
