import { setTimeout as wait } from 'node:timers/promises'
import { sql } from 'kysely'
import { rows } from '../store/database.ts'
import * as lanes from '../store/lanes.ts'
import * as queues from '../store/queues.ts'
import { noCounts } from './apply.ts'
import { type Engine, inTransaction } from './engine.ts'
import { pullSlice } from './pull.ts'
import { noPushCounts, pushSlice } from './push/push.ts'
import type { Runtime } from './runtime.ts'

/** What stands open on a connection. */
export interface LaneState {
  connection: string
  /** The first complete reads are through. */
  synced: boolean
  inbox: number
  outbox: number
  /** Put off: waiting for a parent, a retry, or a hold. */
  later: number
  openWrites: number
  staged: number
  held: string | null
}

export async function laneState(engine: Engine, rt: Runtime): Promise<LaneState> {
  return inTransaction(engine, async (tx) => {
    const objects = await lanes.readLane(tx, rt.id, 'pull')
    const out = await queues.outboxState(tx, rt.id)
    const [more] = await rows(
      tx,
      sql<{ open: number; staged: number; writes: boolean; paused: boolean; brakes: number }>`
      select (select count(*) from link where connection_id = ${rt.id} and open_write is not null) as open, (select count(*) from staged where connection_id = ${rt.id}) as staged,
        (select writes_enabled from connection where id = ${rt.id}) as writes, exists (select 1 from pause where scope in ('all', ${rt.name})) as paused,
        (select count(*) from brake where connection_id = ${rt.id} and state = 'waiting') as brakes`,
    )
    return {
      connection: rt.name,
      synced: rt.objects.every((o) => objects[o]?.phase === 'poll'),
      inbox: await queues.inboxCount(tx, rt.id),
      outbox: Object.values(out.due).reduce((n, x) => n + x, 0),
      later: out.later,
      openWrites: more!.open,
      staged: more!.staged,
      held: more!.paused
        ? 'paused'
        : !more!.writes
          ? 'writing is off'
          : more!.brakes > 0
            ? 'the brake holds writes until they are approved'
            : null,
    }
  })
}

/** Whether a connection has nothing to do that could be done without a person. */
export const isQuiet = (s: LaneState): boolean =>
  s.synced && s.inbox === 0 && s.openWrites === 0 && s.staged === 0 && (s.held !== null || s.outbox + s.later === 0)

export interface DrainResult {
  pulled: ReturnType<typeof noCounts>
  pushed: Record<string, ReturnType<typeof noPushCounts>>
  quiet: boolean
}

/**
 * Works all lanes in this process until nothing is left that can be done: one full sync. Jobs do the same
 * in the background.
 */
export async function drain(
  engine: Engine,
  { timeoutMs = 600_000, onTurn }: { timeoutMs?: number; onTurn?: (states: LaneState[]) => void | Promise<void> } = {},
): Promise<DrainResult> {
  const deadline = Date.now() + timeoutMs
  const pulled = noCounts()
  const pushed = Object.fromEntries(engine.runtimes.map((rt) => [rt.name, noPushCounts()]))
  for (;;) {
    let moved = false
    await Promise.all(
      engine.runtimes.map(async (rt) => {
        const { counts, more } = await pullSlice(engine, rt)
        for (const key of Object.keys(pulled) as (keyof typeof pulled)[]) pulled[key] += counts[key]
        moved ||= more || counts.created + counts.linked + counts.updated > 0
      }),
    )
    await Promise.all(
      engine.runtimes.map(async (rt) => {
        const { counts, more } = await pushSlice(engine, rt)
        const total = pushed[rt.name]!
        for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += counts[key]
        moved ||= more || counts.created + counts.updated + counts.deleted > 0
      }),
    )
    const states = await Promise.all(engine.runtimes.map((rt) => laneState(engine, rt)))
    await onTurn?.(states)
    if (!moved && states.every(isQuiet)) return { pulled, pushed, quiet: true }
    if (Date.now() > deadline) return { pulled, pushed, quiet: false }
    if (!moved) await wait(100)
  }
}
