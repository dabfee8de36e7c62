import { setTimeout as wait } from 'node:timers/promises'
import { sql } from 'kysely'
import { rows } from '../store/database.ts'
import * as lanes from '../store/lanes.ts'
import * as queues from '../store/queues.ts'
import { noCounts } from './batch.ts'
import { heldRows } from './brake.ts'
import { type Engine, inTransaction } from './engine.ts'
import { pullSlice } from './pull/pull.ts'
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
  /** Writes of which it is still to be looked up what they replaced. */
  watched: number
  staged: number
  /** Rows whose delete, clear or overwrite waits for a person's approval. */
  braked: number
  /** Rows that seem to have left in numbers, and wait for a person's approval. */
  leaving: number
  held: string | null
}

export async function laneState(engine: Engine, rt: Runtime): Promise<LaneState> {
  return inTransaction(engine, async (tx) => {
    const objects = await lanes.readObjects(tx, rt.id)
    const out = await queues.outboxState(tx, rt.id)
    const [more] = await rows(
      tx,
      sql<{
        open: number
        watched: number
        staged: number
        undo: number
        writes: boolean
        paused: boolean
        braked: number
        leaving: number
      }>`
      select (select count(*) from open_write where connection_id = ${rt.id}) as open, (select count(*) from watch where connection_id = ${rt.id} and not_before <= clock_timestamp()) as watched, (select count(*) from staged where connection_id = ${rt.id}) as staged,
        (select writes_enabled from connection where id = ${rt.id}) as writes, exists (select 1 from pause where scope in ('all', ${rt.name})) as paused,
        (select count(*) from undo_step join undo on undo.id = undo_step.undo_id and undo.state = 'running' where connection_id = ${rt.id} and undo_step.state = 'planned') as undo,
        
        (select count(*) from inbox where connection_id = ${rt.id} and reason = ${queues.LEAVING}) as leaving`,
    )
    const braked = await heldRows(tx, rt)
    return {
      connection: rt.name,
      synced: rt.objects.every((o) => objects[o]?.phase === 'poll'),
      inbox: (await queues.inboxCount(tx, rt.id)) - more!.leaving,
      leaving: more!.leaving,
      outbox: Object.values(out.due).reduce((n, x) => n + x, 0),
      later: out.later + more!.undo,
      openWrites: more!.open,
      watched: more!.watched,
      staged: more!.staged,
      braked,
      held: more!.paused
        ? 'paused'
        : !more!.writes
          ? 'writing is off'
          : braked > 0
            ? `the brake holds ${braked} deletes, clears and overwrites until they are approved`
            : null,
    }
  })
}

/** Paused, or writing is off: nothing at all is written. */
const isHeld = (s: LaneState): boolean => s.held !== null && s.braked === 0

/** Whether a connection has nothing to do that could be done without a person, but to see what became of its writes. */
const isWritten = (s: LaneState): boolean =>
  s.synced && s.inbox === 0 && s.staged === 0 && (isHeld(s) || s.outbox + s.later <= s.braked + s.leaving)

/** Whether a connection has nothing to do that could be done without a person. */
export const isQuiet = (s: LaneState): boolean => isWritten(s) && s.openWrites <= s.leaving && (isHeld(s) || s.watched === 0)

export interface DrainResult {
  pulled: ReturnType<typeof noCounts>
  pushed: Record<string, ReturnType<typeof noPushCounts>>
  quiet: boolean
}

/**
 * Works all lanes in this process until nothing is left that can be done: one full sync. Each lane takes turn after
 * turn beside the others; one without work waits until another has moved. Jobs do the same in the background.
 *
 * @param confirmed whether it ends only when reads have shown all writes (Salesforce's answers carry no values); else
 * the next poll does that.
 */
export async function drain(
  engine: Engine,
  {
    timeoutMs = 600_000,
    confirmed = true,
    onTurn,
  }: { timeoutMs?: number; confirmed?: boolean; onTurn?: (states: LaneState[]) => void | Promise<void> } = {},
): Promise<DrainResult> {
  const deadline = Date.now() + timeoutMs
  const pulled = noCounts()
  const pushed = Object.fromEntries(engine.runtimes.map((rt) => [rt.name, noPushCounts()]))
  let moves = 0
  let idle = 0
  let quiet = false
  let failure: unknown
  const over = () => quiet || failure !== undefined || Date.now() > deadline
  const lane = async (turn: (first: boolean) => Promise<boolean>) => {
    for (let first = true; !over(); first = false) {
      const before = moves
      if (await turn(first)) {
        moves++
        continue
      }
      idle++
      while (moves === before && !over()) {
        // The last lane to fall idle looks whether anything is left, and what was put off.
        if (idle === 2 * engine.runtimes.length) {
          const states = await Promise.all(engine.runtimes.map((rt) => laneState(engine, rt)))
          await onTurn?.(states)
          if (moves !== before) continue
          if (states.every(confirmed ? isQuiet : isWritten)) quiet = true
          else {
            // Everything is written: one poll shows what the CRMs made of it.
            if (states.every(isWritten))
              await inTransaction(engine, async (tx) => {
                for (const rt of engine.runtimes) await lanes.demandConfirmation(tx, rt.id)
              })
            await wait(20)
            moves++
          }
        } else await wait(5)
      }
      idle--
    }
  }
  const guarded = (turn: (first: boolean) => Promise<boolean>) =>
    lane(turn).catch((error) => {
      failure ??= error
    })
  await Promise.all(
    engine.runtimes.flatMap((rt) => {
      // A lane that waits for a poll has moved when it says so, and not each time it says so again.
      let asked = false
      return [
        guarded(async (first) => {
          const { counts, more } = await pullSlice(engine, rt, { polling: first ? 'all' : 'demanded' })
          for (const key of Object.keys(pulled) as (keyof typeof pulled)[]) pulled[key] += counts[key]
          const { created, linked, updated, deleted, outside, conflicts } = counts
          return more || created + linked + updated + deleted + outside + conflicts > 0
        }),
        guarded(async () => {
          const { counts, more, demands } = await pushSlice(engine, rt)
          const total = pushed[rt.name]!
          for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += counts[key]
          const moved = more || counts.created + counts.updated + counts.deleted > 0
          const asks = !moved && !asked && demands === true
          asked = !moved && demands === true
          return moved || asks
        }),
      ]
    }),
  )
  if (failure !== undefined) throw failure
  return { pulled, pushed, quiet }
}
