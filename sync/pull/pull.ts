import { CrmError } from '../../connectors/errors.ts'
import * as lanes from '../../store/lanes.ts'
import * as queues from '../../store/queues.ts'
import * as waiting from '../../store/waiting.ts'
import { type Counts, noCounts } from '../batch.ts'
import { releaseBrakes } from '../brake.ts'
import { type Engine, inTransaction, storeCalls } from '../engine.ts'
import { refreshMappings } from '../remap.ts'
import { runOf, storeRun } from '../runs.ts'
import type { Runtime } from '../runtime.ts'
import { traceConflicts } from '../watch/trace.ts'
import { lookUpDoubts } from '../watch/watch.ts'
import { firstReads } from './first.ts'
import { pullInbox } from './inbox.ts'
import { poll } from './poll.ts'
import { scan, scanDue } from './scan.ts'
import { duePolls } from './schedule.ts'
import type { PullWork } from './work.ts'

/** How long one turn of a lane lasts before others get theirs. */
const SLICE_MS = 5_000
/** A lane without work is asked again between these times. */
const MIN_REST_MS = 100
const LONGEST_REST_MS = 30_000
/** This many rows in the outboxes are a backlog: a first sync, a bulk change. */
const BACKLOG = 500

export interface PullResult {
  counts: Counts
  /** Work is left that can be done at once. */
  more: boolean
  /** The first complete reads are through. */
  synced: boolean
  /** When the lane should be asked again though nobody nudges it, in milliseconds. */
  nextMs: number
}

/** Which objects a turn polls: those whose time has come, all of them, or only those that a push lane waits for. */
export type Polling = 'due' | 'all' | 'demanded'

/** One turn of a pull lane: first reads, the inbox, then what changed. (Protocol: Pull.) */
export async function pullSlice(
  engine: Engine,
  rt: Runtime,
  { polling = 'due', sliceMs = SLICE_MS }: { polling?: Polling; sliceMs?: number } = {},
): Promise<PullResult> {
  const run = runOf(rt, 'pull', Date.now())
  await refreshMappings(engine, rt)
  const lane = await inTransaction(engine, (tx) => lanes.takeLane(tx, rt.id, 'pull'))
  const work: PullWork = {
    engine,
    rt,
    fence: lane.fence,
    objects: lane.objects,
    counts: noCounts(),
    runId: run.id,
    until: Date.now() + sliceMs,
  }
  const inTime = () => Date.now() < work.until
  await inTransaction(engine, (tx) => waiting.wakeLinked(tx, rt.id))
  let more = await pullInbox(work)
  const { wanted, overlap, nextMs, now } = await pollsOf(work, polling)
  if (wanted.length > 0) more = (await poll(work, wanted, overlap)) || more
  if (!rt.objects.every((o) => work.objects[o]?.phase === 'poll')) more = (await firstReads(work)) || more
  for (const object of rt.objects)
    if (work.objects[object]?.phase === 'poll' && inTime() && scanDue(work, object, now))
      more = (await scan(work, object)) || more
  await lookUpDoubts(engine, rt)
  if (inTime()) await traceConflicts(engine, rt)
  await inTransaction(engine, async (tx) => {
    await storeCalls(tx, rt)
    await releaseBrakes(tx, rt, 'pull')
    await storeRun(tx, rt, 'pull', run, { counts: work.counts, more, now: Date.now() })
  })
  return { counts: work.counts, more, synced: rt.objects.every((o) => work.objects[o]?.phase === 'poll'), nextMs }
}

/** What is polled in this turn. Until all connections are read once, only what a push lane waits for. */
async function pollsOf(work: PullWork, polling: Polling) {
  const { engine, rt } = work
  const { now, demands, synced, putOff, backlog } = await inTransaction(engine, async (tx) => {
    let all = true
    for (const other of engine.runtimes) {
      const objects = other.id === rt.id ? work.objects : await lanes.readObjects(tx, other.id)
      all &&= other.objects.every((o) => objects[o]?.phase === 'poll')
    }
    return {
      now: await lanes.databaseNow(tx),
      demands: await lanes.demandedPolls(tx, rt.id),
      synced: all,
      putOff: await queues.nextDue(tx, 'inbox', rt.id),
      backlog: await queues.hasBacklog(tx, BACKLOG),
    }
  })
  const ready = rt.objects.filter((o) => work.objects[o]?.phase === 'poll')
  const { due, nextMs } = duePolls(
    ready.map((name) => ({ name, polledAt: work.objects[name]!.polledAt, busyAt: work.objects[name]!.busyAt })),
    { dayLimit: rt.budget.day?.limit, perCall: rt.connector.batch.changes },
    now,
  )
  const demanded = demands.filter((d) => ready.includes(d.object))
  const paging = ready.filter((o) => work.objects[o]!.page)
  // While much waits to be written, what comes in is looked for seldom: it could not go out sooner anyway.
  const patient = (o: string) => !backlog || now - work.objects[o]!.overlapAt >= engine.timing.overlapEvery
  const scheduled = !synced || polling === 'demanded' ? [] : polling === 'all' ? ready : due.filter(patient)
  const wanted = new Set([...paging, ...demanded.map((d) => d.object), ...scheduled])
  return {
    now,
    nextMs: Math.max(MIN_REST_MS, Math.min(synced ? nextMs : LONGEST_REST_MS, putOff ?? LONGEST_REST_MS)),
    wanted: rt.objects.filter((o) => wanted.has(o)),
    overlap: new Set(demanded.filter((d) => d.overlap).map((d) => d.object)),
  }
}

/** Errors that end a turn quietly: the lane is asked again later. */
export const isPassing = (error: unknown): boolean =>
  error instanceof CrmError && (error.transient || error.class === 'quota_exhausted')
