import { randomUUIDv7 } from 'node:crypto'
import { sql } from 'kysely'
import { json, type Tx } from '../store/database.ts'
import type { Runtime } from './runtime.ts'

/**
 * Runs: turns of a lane that follow each other closely are one piece of work for people, who look at it, approve it and
 * take it back as one. Its writes and changes carry its id.
 */
export interface Run {
  id: string
  startedAt: number
  /** When its last turn ended; undefined while one goes on, or work is known to be left. */
  restedAt: number | undefined
  counts: Record<string, number>
}

/** Turns further apart are runs of their own; and none goes on for ever. */
const GAP_MS = 2_000
const LONGEST_MS = 30 * 60_000

/** Counts that say nothing about what was changed. */
const IDLE = new Set(['read', 'waiting', 'putBack'])
const hasMoved = (run: Run) => Object.keys(run.counts).some((name) => !IDLE.has(name))

/** The run that a lane's next turn belongs to. */
export function runOf(rt: Runtime, direction: 'pull' | 'push', now: number): Run {
  const last = rt.runs[direction]
  const goesOn =
    last &&
    (last.restedAt === undefined || (hasMoved(last) && now - last.restedAt <= GAP_MS)) &&
    now - last.startedAt <= LONGEST_MS
  const run = goesOn ? last : { id: randomUUIDv7(), startedAt: now, restedAt: undefined, counts: {} }
  rt.runs[direction] = run
  return run
}

/** Stores what a turn added to its run, once the run has changed anything. */
export async function storeRun(
  tx: Tx,
  rt: Runtime,
  direction: 'pull' | 'push',
  run: Run,
  { counts, more, now }: { counts: object; more: boolean; now: number },
): Promise<void> {
  let moved = false
  for (const [name, n] of Object.entries(counts) as [string, number][]) {
    if (n === 0) continue
    run.counts[name] = (run.counts[name] ?? 0) + n
    moved ||= !IDLE.has(name)
  }
  if (moved) run.restedAt = more ? undefined : now
  else run.restedAt ??= now
  if (!hasMoved(run)) return
  await sql`insert into run (id, kind, connection_id, state, counts, started_at, finished_at)
    values (${run.id}, ${direction}, ${rt.id}, ${more ? 'running' : 'finished'}, ${json(run.counts)}, to_timestamp(${run.startedAt} / 1000.0), clock_timestamp())
    on conflict (workspace_id, id) do update set state = excluded.state, counts = excluded.counts, finished_at = excluded.finished_at`.execute(
    tx,
  )
}

/** Runs that a process left behind when it ended. */
export async function endLeftRuns(tx: Tx): Promise<void> {
  await sql`update run set state = 'interrupted' where state = 'running' and kind in ('pull', 'push')`.execute(tx)
}
