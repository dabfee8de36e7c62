import { sql } from 'kysely'
import { type Database, type Durability, rows, type Tx } from '../store/database.ts'
import type { Runtime } from './runtime.ts'

/** Times of the protocol, in milliseconds. Settings with defaults; tests shorten them. */
export interface Timing {
  /** An intent older than this is not sent any more. */
  sendBy: number
  /** How long a request may still take effect in the CRM after it was sent. */
  flight: { salesforce: number; hubspot: number; sandbox: number }
  /** How long a record waits before it is created by its natural key, per object kind. */
  hold: (rt: Runtime, entity: string) => number
  /** The overlap behind the cursor is read this often. */
  overlapEvery: number
  /** Complete lists are compared this often: deletes, restores and association-only changes. */
  scanEvery: number
}

export const DEFAULT_TIMING: Timing = {
  sendBy: 10_000,
  flight: { salesforce: 11 * 60_000, hubspot: 60_000, sandbox: 2_000 },
  // HubSpot's search shows companies and deals late; contacts have their e-mail, Salesforce reads its primary.
  hold: (rt, entity) => (rt.kind === 'hubspot' && !rt.sandbox && entity !== 'contact' ? 15_000 : 0),
  overlapEvery: 60_000,
  scanEvery: 3_600_000,
}

/** Everything the lanes work with. */
export interface Engine {
  db: Database
  workspace: string
  runtimes: Runtime[]
  timing: Timing
  /** Told whenever a lane got work, so that a job can be queued. */
  nudge: (connectionId: string, direction: 'pull' | 'push') => void
  log: (level: 'info' | 'warn' | 'error', message: string, detail?: Record<string, unknown>) => void
}

export const inTransaction = <T>(engine: Engine, work: (tx: Tx) => Promise<T>, durability?: Durability): Promise<T> =>
  engine.db.transaction(engine.workspace, work, durability)

export const flightOf = (engine: Engine, rt: Runtime): number =>
  rt.sandbox ? engine.timing.flight.sandbox : engine.timing.flight[rt.kind]

/** Scopes that stop writes: everything, a connection, an entity. */
export async function pausedScopes(tx: Tx): Promise<Set<string>> {
  return new Set((await rows(tx, sql<{ scope: string }>`select scope from pause`)).map((p) => p.scope))
}

export async function writesEnabled(tx: Tx, connectionId: string): Promise<boolean> {
  const [row] = await rows(
    tx,
    sql<{ enabled: boolean }>`select writes_enabled as enabled from connection where id = ${connectionId}`,
  )
  return row?.enabled ?? false
}

/** Stores the calls that were made since the last time. */
export async function storeCalls(tx: Tx, rt: Runtime): Promise<void> {
  const used = Object.entries(rt.budget.takeUncounted())
  for (const [kind, n] of used)
    await sql`insert into budget (connection_id, day, kind, used) values (${rt.id}, current_date, ${kind}, ${n}) on conflict (workspace_id, connection_id, day, kind) do update set used = budget.used + excluded.used`.execute(
      tx,
    )
}
