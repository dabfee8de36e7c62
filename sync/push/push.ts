import { chunks } from '../../connectors/connector.ts'
import type { CompiledMapping } from '../../mappings/compile.ts'
import { ENTITIES } from '../../mappings/model/model.ts'
import * as lanes from '../../store/lanes.ts'
import * as queues from '../../store/queues.ts'
import * as undo from '../../store/undo.ts'
import * as waiting from '../../store/waiting.ts'
import * as watch from '../../store/watch.ts'
import { type ApplyContext, drawContext } from '../batch.ts'
import { releaseBrakes } from '../brake.ts'
import { type Engine, flightOf, inTransaction, pausedScopes, storeCalls, writesEnabled } from '../engine.ts'
import { thawParents } from '../frozen.ts'
import { refreshMappings } from '../remap.ts'
import { runOf, storeRun } from '../runs.ts'
import { mappingOf, type Runtime } from '../runtime.ts'
import { undoSteps } from '../undo/execute.ts'
import { watchWrites } from '../watch/watch.ts'
import { type Following, followCreates, followUpdates } from './associations.ts'
import { type Claims, sortClaims } from './claims.ts'
import { type PreparedCreates, prepareCreates, sendAllCreates } from './create.ts'
import { deleteBatch } from './delete.ts'
import { lookUpUnanswered } from './unanswered.ts'
import { readWanted, updateBatch } from './update.ts'
import { commit, concurrently, demand, type Target, type Work } from './work.ts'

const CLAIM = 1_000
const SLICE_MS = 5_000

export interface PushCounts {
  created: number
  updated: number
  cleared: number
  deleted: number
  refused: number
  waiting: number
}
export const noPushCounts = (): PushCounts => ({
  created: 0,
  updated: 0,
  cleared: 0,
  deleted: 0,
  refused: 0,
  waiting: 0,
})

export interface PushResult {
  counts: PushCounts
  more: boolean
  /** Why nothing was written, where a person holds it. */
  held?: string
  /** The pull lane has to poll before this one can go on. */
  demands?: boolean
  /** When something that was put off is due, in milliseconds. */
  nextMs?: number | null
}

/** One turn of a push lane: what waits in the outbox, parents first. (Protocol: Push.) */
export async function pushSlice(engine: Engine, rt: Runtime, sliceMs = SLICE_MS): Promise<PushResult> {
  const counts = noPushCounts()
  await refreshMappings(engine, rt)
  const gate = await inTransaction(engine, async (tx) => {
    const paused = await pausedScopes(tx)
    if (paused.has('all') || paused.has(rt.name)) return { held: 'paused', paused }
    if (!(await writesEnabled(tx, rt.id))) return { held: 'writing is off', paused }
    const objects = await lanes.readObjects(tx, rt.id)
    const read = new Map(rt.objects.filter((o) => objects[o]?.phase === 'poll').map((o) => [o, objects[o]!.done]))
    if (read.size === 0) return { held: 'first read not finished', paused }
    return {
      held: undefined,
      paused,
      undoing: await undo.isUndoing(tx),
      watching: await watch.isWatching(tx, rt.id),
      read,
      began: await lanes.databaseNow(tx),
      lane: await lanes.takeLane(tx, rt.id, 'push'),
    }
  })
  if (gate.held || !gate.lane) return { counts, more: false, held: gate.held ?? 'paused' }
  const run = runOf(rt, 'push', Date.now())
  const work: Work = {
    engine,
    rt,
    fence: gate.lane.fence,
    runId: run.id,
    counts,
    flightMs: flightOf(engine, rt),
    watching: gate.watching,
    demands: new Map(),
  }
  const until = Date.now() + sliceMs
  let more = false
  await lookUpUnanswered(work)
  await inTransaction(engine, async (tx) => {
    await thawParents(tx, engine.runtimes)
    await releaseBrakes(tx, rt, 'push')
    // Once such a mapping writes, it is a new version, and everything is compared.
    const readOnly = rt.mappings.filter((m) => !m.document.write)
    await queues.dropUnwritten(
      tx,
      rt.id,
      readOnly.map((m) => m.entity),
    )
  })
  more = gate.undoing && (await undoSteps(work, until))
  // Everything goes parents first, except that children are deleted before their parents.
  const deletes = new Map<CompiledMapping, Target[]>()
  const releases: number[] = []
  const braked: string[] = []
  const claimedBefore = () => [...[...deletes.values()].flat().map((t) => t.link.id), ...braked]
  for (const entity of ENTITIES) {
    const mapping = mappingOf(rt, entity)
    if (!mapping?.document.write || gate.paused.has(entity) || !gate.read.has(mapping.object)) continue
    // Parents that were made a moment ago let their children go.
    const hold = engine.timing.hold(rt, entity)
    const bornBefore = gate.read.get(mapping.object)! - hold
    const release = await inTransaction(engine, async (tx) => {
      await waiting.wakeReady(tx, rt.id)
      return queues.nextBorn(tx, rt.id, entity, bornBefore, hold)
    })
    if (release === 0) demand(work, mapping.object, true)
    else if (release !== null) releases.push(release)
    // While one claim is sent the next is made ready.
    let underWay: { links: string[]; sent: Promise<void> } = { links: [], sent: Promise.resolve() }
    try {
      for (;;) {
        const claimed = await inTransaction(engine, (tx) =>
          queues.claimOutbox(tx, rt.id, entity, { limit: CLAIM, bornBefore, except: [...claimedBefore(), ...underWay.links] }),
        )
        if (claimed.length === 0) break
        const ready = await makeReady(work, mapping, claimed)
        braked.push(...ready.held.map((t) => t.link.id))
        if (ready.deletes.length > 0) deletes.set(mapping, [...(deletes.get(mapping) ?? []), ...ready.deletes])
        await underWay.sent
        underWay = { links: claimed.map((c) => c.linkId), sent: sendReady(work, mapping, ready) }
        // Until it is awaited its failure is nobody's.
        underWay.sent.catch(() => {})
        if (Date.now() >= until) {
          more = true
          break
        }
        if (claimed.length < CLAIM) break
      }
    } finally {
      await underWay.sent
    }
    if (more) break
  }
  for (const [mapping, targets] of [...deletes].reverse())
    await concurrently(chunks(targets, rt.connector.batch.remove).map((piece) => () => deleteBatch(work, mapping, piece)))
  if (gate.watching) more = (await watchWrites(work)) || more
  const due = await inTransaction(engine, async (tx) => {
    await storeCalls(tx, rt)
    await storeRun(tx, rt, 'push', run, { counts, more, now: Date.now() })
    await lanes.demandPolls(
      tx,
      rt.id,
      [...work.demands].map(([object, overlap]) => ({ object, overlap })),
      gate.began,
    )
    return [
      await queues.nextDue(tx, 'outbox', rt.id),
      gate.undoing ? await undo.nextStepDue(tx, rt.id) : null,
      await queues.nextDue(tx, 'watch', rt.id),
    ]
  })
  const next = [...releases, ...due.filter((ms) => ms !== null)]
  return { counts, more, demands: work.demands.size > 0, nextMs: next.length > 0 ? Math.min(...next) : null }
}

/** What was claimed, made ready to be sent. */
type Ready = Omit<Claims, 'creates'> & { creates: PreparedCreates }

/** Loads what was claimed, leaves out what needs nothing, and commits the intents of creates. */
async function makeReady(work: Work, mapping: CompiledMapping, claimed: queues.OutboxRow[]): Promise<Ready> {
  return commit(work, async (tx) => {
    // The links stay locked until the intents of creates are committed: nobody binds one of them to another row meanwhile.
    const { creates, ...rest } = await sortClaims(tx, work.rt, mapping, claimed)
    return { ...rest, creates: await prepareCreates(tx, work, mapping, creates) }
  })
}

/** Sends creates and updates, and the associations that follow them. */
async function sendReady(work: Work, mapping: CompiledMapping, { creates, updates }: Ready): Promise<void> {
  const { engine, rt } = work
  const created = await sendAllCreates(work, mapping, creates, concurrently)
  await followCreates(work, mapping, created)
  if (updates.length === 0) return
  // Drawn before the first verify read leaves.
  const ctx: ApplyContext = {
    ...(await inTransaction(engine, (tx) => drawContext(tx, engine, rt, work.runId))),
    pushing: new Set(updates.map((t) => t.link.id)),
  }
  const associations = await readWanted(rt, mapping, updates)
  const updated: Following[] = []
  await concurrently(
    chunks(updates, rt.connector.batch.update).map(
      (piece) => async () => void updated.push(...(await updateBatch(work, mapping, piece, ctx, associations))),
    ),
  )
  await followUpdates(work, mapping, updated)
}
