import { chunks, type Snapshot } from '../../connectors/connector.ts'
import type { CompiledMapping } from '../../mappings/compile.ts'
import { ENTITIES, type Entity } from '../../mappings/model/model.ts'
import type { RawRow } from '../../mappings/schema.ts'
import * as attention from '../../store/attention.ts'
import type { Tx } from '../../store/database.ts'
import * as intents from '../../store/intents.ts'
import * as lanes from '../../store/lanes.ts'
import * as links from '../../store/links.ts'
import * as queues from '../../store/queues.ts'
import * as records from '../../store/records.ts'
import * as waiting from '../../store/waiting.ts'
import { applySnapshots } from '../apply.ts'
import { type ApplyContext, drawContext } from '../batch.ts'
import { type Engine, flightOf, inTransaction } from '../engine.ts'
import { sortClaims } from '../push/claims.ts'
import { prepareCreates } from '../push/create.ts'
import { prepareDeletes } from '../push/delete.ts'
import { noPushCounts } from '../push/push.ts'
import { prepareUpdates, readWanted } from '../push/update.ts'
import type { Planned, Target, Work } from '../push/work.ts'
import { columnsOf, mappingOf, type Runtime } from '../runtime.ts'
import { type Action, createAction, deleteAction, updateActions } from './actions.ts'
import { countCalls, noTally, type Tally } from './calls.ts'
import { type Reads, readAhead } from './read-ahead.ts'
import { trial } from './trial.ts'

/** What is planned: everything, an entity, or one record. */
export interface Scope {
  entity?: Entity | undefined
  recordId?: string | undefined
}

export interface PlanOptions extends Scope {
  /** What is to be different from now on: another mapping, values taken back. Made inside the trial. */
  change?: ((tx: Tx) => Promise<void>) | undefined
  /** Objects whose rows are all read, because a mapping reads or writes them otherwise. */
  reread?: { rt: Runtime; object: string }[] | undefined
}

export interface Plan {
  actions: Action[]
  /** Calls that carrying it out would cost, by connection. */
  calls: Record<string, number>
  conflicts: Record<string, unknown>[]
  /** Values that are not sent, because a CRM refused them, or they do not fit. */
  rejected: Record<string, unknown>[]
}

/** Rows claimed at once. */
const CLAIM = 1_000
/** Conflicts and refused values that are listed. */
const LISTED = 100_000

/**
 * What the next run would write, without writing it anywhere: the changes that wait in the CRMs are read, and the run's
 * own steps are tried on them in transactions that are taken back. Pauses, and writing that is switched off, do not
 * count: the plan says what would happen.
 */
export async function plan(engine: Engine, options: PlanOptions = {}): Promise<Plan> {
  const tally = noTally(engine.runtimes)
  const reads = await readAhead(engine, options, tally)
  // What there is to write shows which rows have to be looked at first.
  const targets = await trial(engine, async (tx) => {
    await begin(tx, engine, options, reads)
    const found: { rt: Runtime; mapping: CompiledMapping; updates: Target[]; deletes: Target[] }[] = []
    for (const { rt, mapping } of written(engine, options))
      for await (const claims of claimed(tx, rt, mapping, options)) {
        const held = claims.held.filter((t) => t.link.state === 'live')
        found.push({
          rt,
          mapping,
          updates: [...claims.updates, ...held.filter((t) => !t.record.deleted)],
          deletes: [...claims.deletes, ...held.filter((t) => t.record.deleted)],
        })
      }
    return found
  })
  const seen = new Map<CompiledMapping, Seen>()
  for (const { rt, mapping, updates, deletes } of targets) await look(engine, rt, mapping, updates, deletes, seen, tally)
  return trial(engine, async (tx) => {
    const began = await lanes.databaseNow(tx)
    await begin(tx, engine, options, reads)
    const found: Action[] = []
    for (const rt of engine.runtimes) found.push(...(await actionsOf(tx, engine, rt, options, seen, tally)))
    const actions = await withStableNames(tx, found, began)
    const about = <T extends Record<string, unknown>>(list: T[]) =>
      list.filter(
        (x) =>
          (options.recordId === undefined || x.recordId === options.recordId) &&
          (options.entity === undefined || x.entity === options.entity),
      )
    return {
      actions,
      calls: countCalls(engine.runtimes, tally),
      conflicts: about(await attention.listConflicts(tx, { state: 'open', limit: LISTED })),
      rejected: about(await attention.listDeadLetters(tx, LISTED)),
    }
  })
}

/** Records that only the trial has made are named after the row that they come from: their ids are not given out yet. */
async function withStableNames(tx: Tx, actions: Action[], began: number): Promise<Action[]> {
  const named = actions.flatMap((a) => [a.recordId, ...Object.values(a.fields).map((f) => f.after)])
  const ids = [...new Set(named.filter((v) => typeof v === 'string' && UUID.test(v)))] as string[]
  const labels = new Map(
    (await records.bornAfter(tx, ids, began)).map((r) => [r.id, `new ${r.connection} ${r.object} ${r.externalId}`]),
  )
  if (labels.size === 0) return actions
  const label = <T>(v: T) => (typeof v === 'string' ? (labels.get(v) ?? v) : v)
  return actions.map((a) => ({
    ...a,
    recordId: label(a.recordId),
    id: `${a.connection}:${label(a.recordId)}:${a.kind}`,
    fields: Object.fromEntries(Object.entries(a.fields).map(([n, f]) => [n, { before: f.before, after: label(f.after) }])),
  }))
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Rows that a write has to see first, as they stand now. */
interface Seen {
  ctx: ApplyContext
  snapshots: Map<string, Snapshot>
}

/** The connections and mappings that are written to, parents first. */
const written = (engine: Engine, { entity }: Scope) =>
  engine.runtimes.flatMap((rt) => writtenBy(rt, entity).map((mapping) => ({ rt, mapping })))

const writtenBy = (rt: Runtime, only?: Entity): CompiledMapping[] =>
  ENTITIES.flatMap((entity) => {
    const mapping = only === undefined || only === entity ? mappingOf(rt, entity) : undefined
    return mapping?.document.write ? [mapping] : []
  })

/** Brings the trial to where the run would be: what is to change has changed, what waits in the CRMs is merged. */
async function begin(tx: Tx, engine: Engine, options: PlanOptions, reads: Reads[]): Promise<void> {
  await options.change?.(tx)
  for (const { ctx, object, snapshots } of reads) await applySnapshots(tx, ctx, object, snapshots)
  for (const rt of engine.runtimes) {
    await queues.forgetDelays(tx, rt.id)
    await lanes.assumePolled(tx, rt.id)
    await waiting.wakeReady(tx, rt.id)
  }
}

/** Everything that waits to be written of an entity, sorted, a claim at a time. What one claim made wait is in a later one. */
async function* claimed(tx: Tx, rt: Runtime, mapping: CompiledMapping, { recordId }: Scope) {
  const done = new Set<string>()
  for (;;) {
    const rows = await queues.claimOutbox(tx, rt.id, mapping.entity, {
      limit: CLAIM,
      bornBefore: Number.MAX_SAFE_INTEGER / 1_000,
      except: [...done],
      recordId,
    })
    if (rows.length === 0) return
    for (const r of rows) done.add(r.linkId)
    yield await sortClaims(tx, rt, mapping, rows)
  }
}

/** Reads the rows that are to be written over. */
async function look(
  engine: Engine,
  rt: Runtime,
  mapping: CompiledMapping,
  updates: Target[],
  deletes: Target[],
  seen: Map<CompiledMapping, Seen>,
  tally: Tally,
): Promise<void> {
  const targets = [...updates, ...deletes]
  if (targets.length === 0) return
  const known = seen.get(mapping)
  const ctx = known?.ctx ?? (await inTransaction(engine, (tx) => drawContext(tx, engine, rt, null)))
  const snapshots = known?.snapshots ?? new Map<string, Snapshot>()
  const associations: Map<string, RawRow> = await readWanted(rt, mapping, updates)
  for (const piece of chunks(targets, rt.connector.batch.readByIds))
    for (const s of await rt.connector.readByIds({
      object: mapping.object,
      ids: piece.map((t) => t.link.externalId!),
      columns: columnsOf(rt, mapping.object),
    }))
      snapshots.set(s.id, { ...s, row: { ...s.row, ...associations.get(s.id) } })
  seen.set(mapping, { ctx, snapshots })
  tally.of(rt).looked += Math.ceil(associations.size / rt.connector.batch.associations)
}

/** What a push of one connection would send. What it makes is taken for made, so that children follow their parents. */
async function actionsOf(
  tx: Tx,
  engine: Engine,
  rt: Runtime,
  options: PlanOptions,
  seen: ReadonlyMap<CompiledMapping, Seen>,
  tally: Tally,
): Promise<Action[]> {
  const work: Work = {
    engine,
    rt,
    fence: 0,
    runId: null,
    counts: noPushCounts(),
    watching: false,
    flightMs: flightOf(engine, rt),
    demands: new Map(),
  }
  const actions: Action[] = []
  const deletes: { mapping: CompiledMapping; targets: Target[]; held: ReadonlySet<string> }[] = []
  for (const mapping of writtenBy(rt, options.entity)) {
    await waiting.wakeReady(tx, rt.id)
    for await (const claims of claimed(tx, rt, mapping, options)) {
      const held = new Set(claims.held.map((t) => t.link.id))
      const created = await prepareCreates(tx, work, mapping, claims.creates)
      actions.push(...created.ready.map((p) => createAction(rt, mapping, p, engine.runtimes)))
      await assumeCreated(tx, created.ready)
      const updates = [...claims.updates, ...claims.held.filter((t) => !t.record.deleted)]
      const changed = await updatesOf(tx, work, mapping, updates, seen.get(mapping))
      actions.push(
        ...changed.flatMap((p) => updateActions(rt, mapping, p, engine.runtimes).map((a) => withHold(a, held.has(p.link.id)))),
      )
      tally.note(rt, mapping, created.ready, changed)
      deletes.push({ mapping, targets: [...claims.deletes, ...claims.held.filter((t) => t.record.deleted)], held })
    }
  }
  for (const { mapping, targets, held } of deletes.reverse()) {
    const there = seen.get(mapping)
    if (targets.length === 0 || !there) continue
    const { ready } = await prepareDeletes(tx, work, mapping, targets, [...there.snapshots.values()])
    actions.push(...ready.map((t) => withHold(deleteAction(rt, mapping, t), held.has(t.link.id))))
    tally.deleted(rt, ready.length)
    await links.updateLinks(
      tx,
      ready.map((t) => ({ id: t.link.id, state: 'dead' })),
    )
  }
  return actions
}

const withHold = (action: Action, held: boolean): Action =>
  held ? { ...action, held: 'the brake: it takes much away at once and waits for an approval' } : action

async function updatesOf(
  tx: Tx,
  work: Work,
  mapping: CompiledMapping,
  targets: Target[],
  seen: Seen | undefined,
): Promise<Planned[]> {
  const there = targets.filter((t) => seen?.snapshots.has(t.link.externalId!))
  const ready: Planned[] = []
  for (const piece of chunks(there, CLAIM)) {
    const snapshots = piece.map((t) => seen!.snapshots.get(t.link.externalId!)!)
    await links.acceptOwnChanges(
      tx,
      piece.map((t) => t.link.id),
    )
    const ctx: ApplyContext = { ...seen!.ctx, pushing: new Set(piece.map((t) => t.link.id)) }
    ready.push(...(await prepareUpdates(tx, work, mapping, piece, ctx, snapshots)).ready)
  }
  return ready
}

/** A CRM's answer to a create, as it is hoped for: what points at the new rows can be planned too. */
async function assumeCreated(tx: Tx, ready: Planned[]): Promise<void> {
  await links.updateLinks(
    tx,
    ready.map((p) => ({
      id: p.link.id,
      state: 'live',
      externalId: `new ${p.record.id}`,
      base: Object.fromEntries(Object.entries(p.fields).map(([name, f]) => [name, { c: f.c, r: f.s, n: f.n }])),
    })),
  )
  await intents.closeWrites(
    tx,
    ready.map((p) => p.link.id),
  )
  await queues.finishOutbox(
    tx,
    ready.map((p) => p.outbox),
  )
}
