import { randomUUID } from 'node:crypto'
import { chunks, type Snapshot } from '../../connectors/connector.ts'
import type { Tx } from '../../store/database.ts'
import {
  differencesOf,
  drawLinks,
  forgetSeen,
  leaveVerification,
  noteSeen,
  type Position,
  stepVerification,
  takeVerification,
} from '../../store/verifications.ts'
import { type Engine, inTransaction, storeCalls } from '../engine.ts'
import { withAssociations } from '../pull/work.ts'
import { columnsOf, type Runtime } from '../runtime.ts'
import { compare, type Difference, LISTED, missing, noVerification, type Verification, type VerifySummary } from './compare.ts'
import { repair } from './repair.ts'

/** Proves agreement: reads both CRMs, past lanes and caches, and compares field by field. */

const BATCH = 1_000

export interface VerifyOptions {
  /** It rests once it has made so many calls, and goes on there the next time. */
  calls?: number | undefined
  /** Begins anew instead of going on with what was not finished. */
  anew?: boolean | undefined
  /** Queues what may put unexplained differences right, as they are found. */
  repair?: boolean | undefined
  onProgress?: (text: string) => void
}

export interface Verified extends Verification {
  /** Whether everything has been compared; else it rests. */
  complete: boolean
  /** Whether it went on with an earlier one. */
  resumed: boolean
  /** Differences that were queued to be put right. */
  queued: number
}

/** Another process, or another person, verifies just now. */
export class VerifyBusy extends Error {
  override name = 'VerifyBusy'
}

/**
 * Compares everything, and keeps the result. It keeps its place as well: one that was stopped, or has used the calls it
 * was given, goes on there.
 *
 * @throws VerifyBusy when somebody else is at it.
 */
export async function verify(engine: Engine, options: VerifyOptions = {}): Promise<Verified> {
  const worker = randomUUID()
  const { list: _, ...none } = noVerification()
  const taken = await inTransaction(engine, (tx) =>
    takeVerification(tx, worker, { id: randomUUID(), summary: none }, { anew: options.anew ?? false }),
  )
  if (taken === 'busy') throw new VerifyBusy('a verification is under way; wait for it, or look at its result')
  const calls = () => engine.runtimes.reduce((n, rt) => n + rt.budget.total, 0)
  const before = calls()
  const state: State = {
    engine,
    worker,
    options,
    id: taken.id,
    position: taken.position,
    summary: taken.summary as unknown as VerifySummary,
    queued: 0,
    mayGoOn: () => options.calls === undefined || calls() - before < options.calls,
  }
  let complete = true
  try {
    for (const rt of engine.runtimes)
      for (const object of rt.objects)
        if (complete && !state.position.done.includes(`${rt.id} ${object}`)) complete = await verifyObject(state, rt, object)
  } finally {
    await inTransaction(engine, async (tx) => {
      await leaveVerification(tx, worker, taken.id, isThrough(state))
      for (const rt of engine.runtimes) await storeCalls(tx, rt)
    })
  }
  const list = (await inTransaction(engine, (tx) => differencesOf(tx, taken.id))) as Difference[]
  return { ...state.summary, list, complete, resumed: taken.resumed, queued: state.queued }
}

interface State {
  engine: Engine
  worker: string
  options: VerifyOptions
  id: string
  position: Position
  summary: VerifySummary
  queued: number
  mayGoOn: () => boolean
}

const isThrough = ({ engine, position }: State): boolean =>
  engine.runtimes.every((rt) => rt.objects.every((o) => position.done.includes(`${rt.id} ${o}`)))

/** Compares one object of one CRM, from where it was left. @returns false when the calls are used up before its end. */
async function verifyObject(state: State, rt: Runtime, object: string): Promise<boolean> {
  const { engine } = state
  const at = state.position.at
  const resumed = at?.connectionId === rt.id && at.object === object
  let after = resumed ? at.after : undefined
  if (!resumed) await inTransaction(engine, (tx) => forgetSeen(tx, rt.id, object))
  let rows = 0
  do {
    if (!state.mayGoOn()) return false
    const found: Snapshot[] = []
    do {
      const page = await rt.connector.list({ object, columns: columnsOf(rt, object), after })
      found.push(...page.snapshots)
      after = page.after
    } while (after && found.length < BATCH)
    rows += found.length
    const snapshots = await withAssociations(rt, object, found)
    const last = after === undefined
    const { done } = state.position
    const position: Position = last
      ? { done: [...done, `${rt.id} ${object}`], at: null }
      : { done, at: { connectionId: rt.id, object, after: after! } }
    await step(state, position, async (tx, out) => {
      await noteSeen(
        tx,
        rt.id,
        object,
        found.map((s) => s.id),
      )
      await compare(tx, rt, object, snapshots, out)
      if (!last) return
      await missing(tx, rt, object, out)
      await forgetSeen(tx, rt.id, object)
    })
    state.options.onProgress?.(`${rt.name} ${object}: ${rows}`)
  } while (after)
  return true
}

/** One batch: compared, added to what was found so far, and the place kept, all in one transaction. */
async function step(state: State, position: Position, work: (tx: Tx, out: Verification) => Promise<void>): Promise<void> {
  const { engine, worker, id } = state
  const { summary, found } = await inTransaction(engine, async (tx) => {
    const out = noVerification()
    await work(tx, out)
    const sum = added(state.summary, out)
    const room = Math.max(0, LISTED - state.summary.differences)
    if (!(await stepVerification(tx, worker, { id, position, summary: { ...sum } }, out.list.slice(0, room))))
      throw new VerifyBusy('somebody else has taken the verification over')
    return { summary: sum, found: out.list }
  })
  Object.assign(state, { summary, position })
  if (state.options.repair) state.queued += await repair(engine, found)
}

function added(a: VerifySummary, b: VerifySummary): VerifySummary {
  const byReason = { ...a.byReason }
  for (const [reason, n] of Object.entries(b.byReason)) byReason[reason] = (byReason[reason] ?? 0) + n
  return {
    compared: a.compared + b.compared,
    fields: a.fields + b.fields,
    differences: a.differences + b.differences,
    unexplained: a.unexplained + b.unexplained,
    byReason,
  }
}

/**
 * Compares a sample of the linked rows: the same seed and the same rows give the same sample. Of what it cannot see,
 * rows that are missing or unknown, it says nothing.
 *
 * @param count rows of each connection.
 */
export async function verifySample(engine: Engine, count: number, seed: string): Promise<Verification & { sample: Sample }> {
  const out = noVerification()
  const wrong = new Set<string>()
  let of = 0
  for (const rt of engine.runtimes) {
    const { drawn, all } = await inTransaction(engine, (tx) => drawLinks(tx, rt.id, rt.objects, count, seed))
    of += all
    for (const [object, chosen] of Map.groupBy(drawn, (d) => d.object))
      for (const piece of chunks(chosen, rt.connector.batch.readByIds)) {
        const found = await rt.connector.readByIds({
          object,
          ids: piece.map((p) => p.externalId),
          columns: columnsOf(rt, object),
        })
        const snapshots = await withAssociations(
          rt,
          object,
          found.filter((s) => !s.deleted),
        )
        await inTransaction(engine, (tx) => compare(tx, rt, object, snapshots, out))
      }
  }
  for (const d of out.list) if (d.reason === null) wrong.add(`${Object.keys(d.values)[0]} ${d.externalId}`)
  await inTransaction(engine, async (tx) => {
    for (const rt of engine.runtimes) await storeCalls(tx, rt)
  })
  return { ...out, sample: { rows: out.compared, of, seed, disagreeAtMost: upperBound(wrong.size, out.compared) } }
}

/** What a sample says of the whole. */
export interface Sample {
  rows: number
  of: number
  seed: string
  /** Share of the rows that disagree without a reason: with 95 % confidence no more than this. */
  disagreeAtMost: number
}

/** The upper end of the 95 % interval (one-sided) for a share, after k of n (Wilson's score). */
export function upperBound(k: number, n: number): number {
  if (n === 0) return 1
  const z = 1.645
  const p = k / n
  const centre = p + (z * z) / (2 * n)
  const spread = z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n))
  return Math.min(1, (centre + spread) / (1 + (z * z) / n))
}
