import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { type AssociationChange, chunks, type Outcome, type Snapshot } from '../connectors/connector.ts'
import { CrmError } from '../connectors/errors.ts'
import { type CompiledMapping, isAssociationColumn } from '../mappings/compile.ts'
import type { ReferenceResolver } from '../mappings/context.ts'
import { identityKeys } from '../mappings/identity.ts'
import { rawOf, readRows, render } from '../mappings/lens.ts'
import { ENTITIES, type Entity } from '../mappings/model/model.ts'
import { isBlank, type Json, same } from '../mappings/model/value.ts'
import type { RawRow } from '../mappings/schema.ts'
import type { Base, LinkRow, RecordRow, WriteField } from '../mappings/state.ts'
import * as conflicts from '../store/conflicts.ts'
import { rows, type Tx } from '../store/database.ts'
import * as identity from '../store/identity.ts'
import * as lanes from '../store/lanes.ts'
import * as links from '../store/links.ts'
import * as queues from '../store/queues.ts'
import * as records from '../store/records.ts'
import { type ApplyContext, applySnapshots, keysOf } from './apply.ts'
import { holdsBrake } from './brake.ts'
import { type Engine, flightOf, inTransaction, pausedScopes, storeCalls, writesEnabled } from './engine.ts'
import { mustSend } from './merge/field.ts'
import { withAssociations } from './pull.ts'
import { columnsOf, lensContext, mappingOf, type Runtime } from './runtime.ts'

/** Outbox rows claimed at a time, and batches that are in flight together. */
const CLAIM = 1_000
const IN_FLIGHT = 5
const SLICE_MS = 5_000
const RETRY_MS = 30_000

export interface PushCounts {
  created: number
  updated: number
  cleared: number
  deleted: number
  refused: number
  waiting: number
}
export const noPushCounts = (): PushCounts => ({ created: 0, updated: 0, cleared: 0, deleted: 0, refused: 0, waiting: 0 })

export interface PushResult {
  counts: PushCounts
  more: boolean
  /** Why nothing was written, where a person holds it. */
  held?: string
}

interface Work {
  engine: Engine
  rt: Runtime
  fence: number
  runId: string | null
  counts: PushCounts
  flightMs: number
}

/** One turn of a push lane: what waits in the outbox, parents first. (Protocol: Push.) */
export async function pushSlice(engine: Engine, rt: Runtime, runId: string | null = null, sliceMs = SLICE_MS): Promise<PushResult> {
  const counts = noPushCounts()
  const gate = await inTransaction(engine, async (tx) => {
    const paused = await pausedScopes(tx)
    if (paused.has('all') || paused.has(rt.name)) return { held: 'paused', paused }
    if (!(await writesEnabled(tx, rt.id))) return { held: 'writing is off', paused }
    const objects = await lanes.readLane(tx, rt.id, 'pull')
    if (!rt.objects.every((o) => objects[o]?.phase === 'poll')) return { held: 'first read not finished', paused }
    return { held: undefined, paused, lane: await lanes.takeLane(tx, rt.id, 'push') }
  })
  if (gate.held || !gate.lane) return { counts, more: false, held: gate.held ?? 'paused' }
  const work: Work = { engine, rt, fence: gate.lane.fence, runId, counts, flightMs: flightOf(engine, rt) }
  const until = Date.now() + sliceMs
  let more = false
  await lookUpUnanswered(work)
  // Children are deleted before their parents; everything else goes parents first.
  for (const entity of ENTITIES) {
    const mapping = mappingOf(rt, entity)
    if (!mapping?.document.write || gate.paused.has(entity)) continue
    for (;;) {
      const claimed = await inTransaction(engine, (tx) => queues.claimOutbox(tx, rt.id, entity, CLAIM))
      if (claimed.length === 0) break
      if (await inTransaction(engine, (tx) => holdsBrake(tx, rt, mapping))) break
      const before = JSON.stringify(counts)
      await pushClaimed(work, mapping, claimed)
      if (Date.now() >= until) {
        more = true
        break
      }
      if (claimed.length < CLAIM && before === JSON.stringify(counts)) break
    }
    if (more) break
  }
  await inTransaction(engine, (tx) => storeCalls(tx, rt))
  return { counts, more }
}

interface Target { link: links.TicketedLink; record: RecordRow; outbox: queues.OutboxRow }

async function pushClaimed(work: Work, mapping: CompiledMapping, claimed: queues.OutboxRow[]): Promise<void> {
  const { engine, rt } = work
  const loaded = await inTransaction(engine, async (tx) => {
    const ticket = await links.drawTicket(tx)
    const found = await links.lockLinks(tx, claimed.map((c) => c.linkId), ticket)
    const recordsById = new Map((await records.readRecords(tx, [...new Set(found.map((l) => l.recordId).filter((r) => r !== null))])).map((r) => [r.id, r]))
    const byId = new Map(found.map((l) => [l.id, l]))
    const targets: Target[] = []
    const done: queues.OutboxRow[] = []
    for (const outbox of claimed) {
      const link = byId.get(outbox.linkId)
      const record = link?.recordId ? recordsById.get(link.recordId) : undefined
      const nothing = !link || !record || (link.state !== 'live' && link.state !== 'creating') || record.frozen !== null || (link.state === 'creating' && record.deleted)
      const idle = link?.state === 'live' && record && !record.deleted && !mapping.fields.some((f) => f.writes && mustSend(record.fields[f.name], link.base[f.name]))
      if (nothing || idle) done.push(outbox)
      else targets.push({ link, record, outbox })
    }
    await queues.finishOutbox(tx, done)
    return targets
  })
  const creates = loaded.filter((t) => t.link.state === 'creating')
  const deletes = loaded.filter((t) => t.link.state === 'live' && t.record.deleted)
  const updates = loaded.filter((t) => t.link.state === 'live' && !t.record.deleted)
  const { batch } = rt.connector
  await concurrently([
    ...chunks(creates, batch.create).map((piece) => () => createBatch(work, mapping, piece)),
    ...chunks(updates, batch.update).map((piece) => () => updateBatch(work, mapping, piece)),
  ])
  await concurrently(chunks(deletes, batch.remove).map((piece) => () => deleteBatch(work, mapping, piece)))
}

/** Runs batches, a few at a time. The first failure is thrown once all that run have ended. */
async function concurrently(tasks: (() => Promise<void>)[]): Promise<void> {
  let next = 0
  let failure: unknown
  const worker = async () => {
    while (next < tasks.length && failure === undefined) {
      try {
        await tasks[next++]!()
      } catch (error) {
        failure ??= error
      }
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker))
  if (failure !== undefined) throw failure
}

const commit = <T>(work: Work, body: (tx: Tx) => Promise<T>): Promise<T> =>
  inTransaction(work.engine, async (tx) => {
    await lanes.holdFence(tx, work.rt.id, 'push', work.fence)
    return body(tx)
  })

// --- rendering --------------------------------------------------------------------------------------

interface Planned extends Target {
  fields: Record<string, WriteField>
  row: RawRow
}

/** External ids of the records that a batch's references point to. */
async function outward(tx: Tx, rt: Runtime, mapping: CompiledMapping, targets: RecordRow[]): Promise<ReferenceResolver> {
  const names = mapping.fields.filter((f) => f.type === 'reference' && f.writes && !f.holdsRecordId).map((f) => f.name)
  const ids = new Set(targets.flatMap((r) => names.map((n) => r.fields[n]?.v)).filter((v) => typeof v === 'string'))
  const found = await links.externalOfRecords(tx, rt.id, [...ids])
  const byRecord = new Map(found.filter((f) => f.externalId && f.state !== 'creating').map((f) => [f.recordId, f.externalId!]))
  return { recordOf: () => undefined, externalOf: (id) => byRecord.get(id) }
}

interface RenderResult {
  planned: Planned[]
  letters: conflicts.DeadLetter[]
  findings: conflicts.Finding[]
  waits: { parent: string; linkId: string }[]
}

/** Renders the fields that must be sent. What cannot be rendered is listed; the rest of the record goes. */
async function renderFields(work: Work, mapping: CompiledMapping, targets: { target: Target; base: Base; current: RawRow; frozen: Set<string> }[], references: ReferenceResolver, dead: Map<string, unknown>): Promise<RenderResult> {
  const { rt } = work
  const ctx = lensContext(rt, mapping, references)
  const out: RenderResult = { planned: [], letters: [], findings: [], waits: [] }
  for (const { target, base, current, frozen } of targets) {
    const { link, record } = target
    const planned: Planned = { ...target, fields: {}, row: {} }
    for (const field of mapping.fields) {
      const state = record.fields[field.name]
      if (!field.writes || !state || frozen.has(field.name) || !mustSend(state, base[field.name])) continue
      if (link.state === 'creating' && isBlank(state.v)) continue
      const deadKey = `${link.id} ${field.name}`
      if (dead.has(deadKey) && same(dead.get(deadKey) as Json, state.v)) continue
      if (field.type === 'reference' && !isBlank(state.v) && !field.holdsRecordId && !references.externalOf(String(state.v))) {
        out.waits.push({ parent: String(state.v), linkId: link.id })
        continue
      }
      const rendering = await render(field, state.v, current, ctx)
      if ('problem' in rendering) {
        if (field.type === 'user') out.findings.push({ code: 'unmatched_user', subject: String(state.v), message: `${field.name}: ${rendering.problem}`, count: 1 })
        else out.letters.push({ id: randomUUID(), linkId: link.id, recordId: record.id, entity: mapping.entity, field: field.name, value: state.v, class: 'does_not_fit', message: rendering.problem })
        continue
      }
      Object.assign(planned.row, rendering.columns)
      planned.fields[field.name] = { c: state.v, s: rendering.columns[field.column] ?? null, b: rawOf(field, current), n: state.n }
    }
    out.planned.push(planned)
  }
  return out
}

// --- creates ----------------------------------------------------------------------------------------

async function createBatch(work: Work, mapping: CompiledMapping, targets: Target[]): Promise<void> {
  const { engine, rt } = work
  const prepared = await commit(work, async (tx) => {
    const objects = await lanes.readLane(tx, rt.id, 'pull')
    const done = objects[mapping.object]?.done ?? 0
    const hold = engine.timing.hold(rt, mapping.entity)
    // Not before this side has been read after the record came to be: its twin may stand there already.
    const early = targets.filter((t) => t.link.openWrite === null && done < t.record.createdAt + (done === 0 ? Number.POSITIVE_INFINITY : hold))
    const now = await lanes.databaseNow(tx)
    if (early.length > 0) {
      work.counts.waiting += early.length
      await queues.deferOutbox(tx, early.map((t) => t.link.id), Math.max(200, Math.min(...early.map((t) => t.record.createdAt + hold)) - now))
    }
    const open = targets.filter((t) => t.link.openWrite !== null)
    if (open.length > 0) await queues.deferOutbox(tx, open.map((t) => t.link.id), work.flightMs)
    const ripe = targets.filter((t) => !early.includes(t) && !open.includes(t))
    const free = await withoutTwins(tx, work, mapping, ripe)
    const references = await outward(tx, rt, mapping, free.map((t) => t.record))
    const dead = new Map((await conflicts.deadLettersOf(tx, free.map((t) => t.link.id))).map((d) => [`${d.linkId} ${d.field}`, d.value]))
    const rendered = await renderFields(work, mapping, free.map((target) => ({ target, base: target.link.base, current: { ...(mapping.document.onCreate as RawRow) }, frozen: new Set<string>() })), references, dead)
    const required = mapping.fields.filter((f) => rt.mappings.length > 0 && mapping.schema.fields[f.column]?.required)
    const incomplete = rendered.planned.filter((p) => required.some((f) => !(f.name in p.fields) && !(f.column in mapping.document.onCreate)))
    // A required parent that is not there yet is no failure: the record waits for it.
    for (const p of incomplete) {
      const field = required.find((f) => !(f.name in p.fields))!
      if (rendered.waits.some((w) => w.linkId === p.link.id)) continue
      rendered.letters.push({ id: randomUUID(), linkId: p.link.id, recordId: p.record.id, entity: mapping.entity, field: field.name, value: null, class: 'required', message: `${field.column} must be filled in to create a ${mapping.object} here, and the record has no ${field.name}` })
    }
    const ready = rendered.planned.filter((p) => !incomplete.includes(p))
    await conflicts.putDeadLetters(tx, rt.id, rendered.letters)
    await conflicts.putFindings(tx, rt.id, rendered.findings)
    await queues.addWaitingOut(tx, rt.id, rendered.waits)
    await queues.finishOutbox(tx, incomplete.map((p) => p.outbox))
    const batch = randomUUID()
    const ids = await links.insertWrites(tx, rt.id, batch, work.runId, ready.map((p) => ({ linkId: p.link.id, recordId: p.record.id, kind: 'create', fields: p.fields, readVersion: 0, readClock: 0 })))
    return { ready, ids }
  })
  if (prepared.ready.length === 0) return
  const outcomes = await send(work, prepared.ready.map((p) => prepared.ids.get(p.link.id)!), () =>
    rt.connector.create({ object: mapping.object, externalId: mapping.document.externalId!, rows: prepared.ready.map((p) => ({ key: p.record.id, row: { ...(mapping.document.onCreate as RawRow), ...forCreate(rt, p.row) } })) }))
  await acknowledge(work, mapping, prepared.ready, prepared.ids, outcomes, 'create')
  // Child rows (contact roles) exist only once their parent does.
  await writeAssociations(work, mapping, prepared.ready.filter((_, i) => outcomes[i]!.ok).map((p) => ({ ...p, link: { ...p.link, externalId: (outcomes[prepared.ready.indexOf(p)] as { id: string }).id } })), rt.connector.associationsApart ? () => false : () => true)
}

/** HubSpot takes associations inline; elsewhere they follow in a call of their own. */
const forCreate = (rt: Runtime, row: RawRow): RawRow => (rt.connector.associationsApart ? row : withoutAssociations(row))
const withoutAssociations = (row: RawRow): RawRow => Object.fromEntries(Object.entries(row).filter(([c]) => !isAssociationColumn(c)))

/** Records whose natural key an unlinked row here holds are not created: the row is read, and binds or is reviewed. */
async function withoutTwins(tx: Tx, work: Work, mapping: CompiledMapping, targets: Target[]): Promise<Target[]> {
  const { rt } = work
  const keysOfTarget = (t: Target) => identityKeys(mapping.entity, mapping.document.identity, (f) => t.record.fields[f]?.v ?? null)
  const keys = new Map(targets.map((t) => [t, keysOfTarget(t)]))
  const all = [...new Set([...keys.values()].flat().map((k) => k.key))]
  const twins = Map.groupBy(await identity.unlinkedByKey(tx, rt.id, all), (u) => u.key)
  const free: Target[] = []
  const held: Target[] = []
  const reread: { object: string; externalId: string }[] = []
  for (const t of targets) {
    const found = keys.get(t)!.filter((k) => k.near.length === 0).flatMap((k) => twins.get(k.key) ?? [])
    if (found.length === 0) free.push(t)
    else {
      held.push(t)
      for (const u of found) reread.push({ object: mapping.object, externalId: u.externalId })
    }
  }
  if (held.length > 0) {
    await queues.touchInbox(tx, rt.id, reread, 'a record with the same natural key waits to be created')
    await queues.deferOutbox(tx, held.map((t) => t.link.id), 1_000)
    work.counts.waiting += held.length
  }
  return free
}

// --- updates ----------------------------------------------------------------------------------------

async function updateBatch(work: Work, mapping: CompiledMapping, targets: Target[]): Promise<void> {
  const { engine, rt } = work
  // Read what stands there now, and merge it: nobody's edit is overwritten unseen.
  const ctx = await inTransaction(engine, async (tx): Promise<ApplyContext> => {
    const now = await lanes.databaseNow(tx)
    return { rt, all: engine.runtimes, runId: work.runId, ticket: await links.drawTicket(tx), began: now, now, flightMs: work.flightMs, ready: new Set(engine.runtimes.map((r) => r.id)), pushing: new Set(targets.map((t) => t.link.id)) }
  })
  const read = await rt.connector.readByIds({ object: mapping.object, ids: targets.map((t) => t.link.externalId!), columns: columnsOf(rt, mapping.object) })
  const snapshots = await withAssociations(rt, mapping.object, read)
  const byId = new Map(snapshots.map((s) => [s.id, s]))
  const prepared = await commit(work, async (tx) => {
    await applySnapshots(tx, ctx, mapping.object, snapshots)
    const fresh = await links.lockLinks(tx, targets.map((t) => t.link.id), ctx.ticket)
    const recordsById = new Map((await records.readRecords(tx, fresh.map((l) => l.recordId).filter((r) => r !== null))).map((r) => [r.id, r]))
    const frozen = Map.groupBy(await conflicts.openConflicts(tx, [...recordsById.keys()]), (c) => c.recordId)
    const letters = await conflicts.deadLettersOf(tx, fresh.map((l) => l.id))
    const dead = new Map(letters.map((d) => [`${d.linkId} ${d.field}`, d.value]))
    const linkById = new Map(fresh.map((l) => [l.id, l]))
    const usable = targets.flatMap((t) => {
      const link = linkById.get(t.link.id)
      const record = link?.recordId ? recordsById.get(link.recordId) : undefined
      const snapshot = byId.get(t.link.externalId!)
      if (!link || !record || link.state !== 'live' || record.deleted || record.frozen || link.openWrite !== null || !snapshot || snapshot.deleted) return []
      return [{ target: { link, record, outbox: t.outbox }, base: link.base, current: snapshot.row, frozen: new Set((frozen.get(record.id) ?? []).map((c) => c.field)) }]
    })
    const references = await outward(tx, rt, mapping, usable.map((u) => u.target.record))
    const rendered = await renderFields(work, mapping, usable, references, dead)
    await conflicts.putDeadLetters(tx, rt.id, rendered.letters)
    await conflicts.putFindings(tx, rt.id, rendered.findings)
    await queues.addWaitingOut(tx, rt.id, rendered.waits)
    // A value that went through, or is no more wanted, is no dead letter any more.
    const stale = letters.filter((d) => { const u = usable.find((x) => x.target.link.id === d.linkId); return u && !rendered.letters.some((l) => l.linkId === d.linkId && l.field === d.field) && !same(u.target.record.fields[d.field]?.v ?? null, d.value as Json) })
    await conflicts.dropDeadLetters(tx, stale.map((d) => d.id))
    const ready = rendered.planned.filter((p) => Object.keys(p.fields).length > 0)
    const idle = usable.filter((u) => !ready.some((p) => p.link.id === u.target.link.id)).map((u) => u.target.outbox)
    await queues.finishOutbox(tx, idle)
    const unusable = targets.filter((t) => !usable.some((u) => u.target.link.id === t.link.id))
    const gone = unusable.filter((t) => { const l = linkById.get(t.link.id); return !l || l.state !== 'live' })
    await queues.finishOutbox(tx, gone.map((t) => t.outbox))
    await queues.deferOutbox(tx, unusable.filter((t) => !gone.includes(t)).map((t) => t.link.id), 1_000)
    const ids = await links.insertWrites(tx, rt.id, randomUUID(), work.runId, ready.map((p) => ({ linkId: p.link.id, recordId: p.record.id, kind: 'update', fields: p.fields, readVersion: byId.get(p.link.externalId!)!.version, readClock: byId.get(p.link.externalId!)!.clock })))
    return { ready, ids }
  })
  const ready = prepared.ready
  if (ready.length === 0) return
  const plain = ready.filter((p) => Object.keys(withoutAssociations(p.row)).length > 0)
  const outcomes = new Map<Planned, Outcome>(ready.map((p) => [p, { ok: true, id: p.link.externalId! }]))
  if (plain.length > 0) {
    const results = await send(work, ready.map((p) => prepared.ids.get(p.link.id)!), () => rt.connector.update({ object: mapping.object, rows: plain.map((p) => ({ id: p.link.externalId!, row: withoutAssociations(p.row) })) }))
    results.forEach((r, i) => outcomes.set(plain[i]!, r))
  }
  const sent = ready.filter((p) => outcomes.get(p)!.ok)
  const failures = await writeAssociations(work, mapping, sent, () => true)
  for (const [p, error] of failures) outcomes.set(p, { ok: false, error })
  await acknowledge(work, mapping, ready, prepared.ids, ready.map((p) => outcomes.get(p)!), 'update')
}

/** Writes association columns: what to point to, and what no more. */
async function writeAssociations(work: Work, mapping: CompiledMapping, planned: Planned[], wanted: (column: string) => boolean): Promise<Map<Planned, CrmError>> {
  const failures = new Map<Planned, CrmError>()
  const columns = [...new Set(planned.flatMap((p) => Object.keys(p.row).filter((c) => isAssociationColumn(c) && wanted(c))))]
  for (const column of columns) {
    const field = mapping.fields.find((f) => f.column === column)!
    const affected = planned.filter((p) => column in p.row)
    const changes = affected.map((p): AssociationChange => {
      const now = [p.row[column] ?? []].flat().map(String)
      const before = [p.fields[field.name]?.b ?? []].flat().map(String)
      return { id: p.link.externalId!, add: now.filter((x) => !before.includes(x)), remove: before.filter((x) => !now.includes(x)) }
    })
    const results = await work.rt.connector.associate({ object: mapping.object, column, changes })
    results.forEach((r, i) => { if (!r.ok) failures.set(affected[i]!, r.error) })
  }
  return failures
}

// --- deletes ----------------------------------------------------------------------------------------

/** Only a row that is as we last saw it is deleted; an edit in between is a person's to judge. */
async function deleteBatch(work: Work, mapping: CompiledMapping, targets: Target[]): Promise<void> {
  const { rt } = work
  const read = await rt.connector.readByIds({ object: mapping.object, ids: targets.map((t) => t.link.externalId!), columns: columnsOf(rt, mapping.object) })
  const snapshots = new Map((await withAssociations(rt, mapping.object, read)).map((s) => [s.id, s]))
  const prepared = await commit(work, async (tx) => {
    const gone = targets.filter((t) => { const s = snapshots.get(t.link.externalId!); return !s || s.deleted })
    await links.updateLinks(tx, gone.map((t) => ({ id: t.link.id, state: 'dead', openWrite: null })))
    await queues.finishOutbox(tx, gone.map((t) => t.outbox))
    const living = targets.filter((t) => !gone.includes(t))
    const edited = living.filter((t) => editedSince(mapping, t.link, snapshots.get(t.link.externalId!)!))
    for (const t of edited) await records.freeze(tx, t.record.id, `deleted elsewhere, but edited in ${rt.name} since it was last read: decide between delete and edit`)
    await queues.finishOutbox(tx, edited.map((t) => t.outbox))
    const ready = living.filter((t) => !edited.includes(t))
    const ids = await links.insertWrites(tx, rt.id, randomUUID(), work.runId, ready.map((t) => ({ linkId: t.link.id, recordId: t.record.id, kind: 'delete', fields: {}, readVersion: snapshots.get(t.link.externalId!)!.version, readClock: 0 })))
    return { ready, ids }
  })
  if (prepared.ready.length === 0) return
  const outcomes = await send(work, [...prepared.ids.values()], () => rt.connector.remove({ object: mapping.object, ids: prepared.ready.map((t) => t.link.externalId!) }))
  await commit(work, async (tx) => {
    const ok = prepared.ready.filter((_, i) => outcomes[i]!.ok)
    const failed = prepared.ready.flatMap((t, i) => { const o = outcomes[i]!; return o.ok ? [] : [{ t, error: o.error }] })
    await links.updateLinks(tx, ok.map((t) => ({ id: t.link.id, state: 'dead', openWrite: null })))
    await links.updateLinks(tx, failed.map(({ t }) => ({ id: t.link.id, openWrite: null })))
    await links.answerWrites(tx, [...ok.map((t) => ({ id: prepared.ids.get(t.link.id)!, state: 'settled' as const })), ...failed.map(({ t, error }) => ({ id: prepared.ids.get(t.link.id)!, state: 'refused' as const, error: errorJson(error) }))])
    await conflicts.putDeadLetters(tx, rt.id, failed.map(({ t, error }) => ({ id: randomUUID(), linkId: t.link.id, recordId: t.record.id, entity: mapping.entity, field: '(delete)', value: null, class: error.class, message: error.message })))
    await queues.finishOutbox(tx, prepared.ready.map((t) => t.outbox))
    work.counts.deleted += ok.length
    work.counts.refused += failed.length
  })
}

const editedSince = (mapping: CompiledMapping, link: LinkRow, snapshot: Snapshot): boolean =>
  mapping.fields.some((f) => {
    const base = link.base[f.name]
    // A reference that the CRM blanked because its target went is no person's edit.
    return base && f.type !== 'reference' && f.writes && snapshot.row[f.column] !== undefined && !same(rawOf(f, snapshot.row), base.r)
  })

// --- answers ----------------------------------------------------------------------------------------

/** Sends a batch. A call that failed for certain takes its intents back; one of unknown outcome leaves them open. */
async function send(work: Work, writeIds: number[], request: () => Promise<Outcome[]>): Promise<Outcome[]> {
  try {
    return await request()
  } catch (error) {
    if (error instanceof CrmError && error.class !== 'unknown_outcome') {
      await commit(work, async (tx) => {
        await links.answerWrites(tx, writeIds.map((id) => ({ id, state: 'refused', error: errorJson(error) })))
        await sql`update link set open_write = null, changed = pg_current_xact_id(), rev = rev + 1 where open_write = any(${writeIds}::bigint[])`.execute(tx)
      })
    }
    throw error
  }
}

const errorJson = (error: CrmError) => ({ class: error.class, message: error.message, ...error.detail })

/** Records how a batch ended, row by row. */
async function acknowledge(work: Work, mapping: CompiledMapping, planned: Planned[], ids: Map<string, number>, outcomes: Outcome[], kind: 'create' | 'update'): Promise<void> {
  const { rt } = work
  const okAt = planned.flatMap((p, i) => { const o = outcomes[i]!; return o.ok ? [{ p, o }] : [] })
  const failed = planned.flatMap((p, i) => { const o = outcomes[i]!; return o.ok ? [] : [{ p, error: o.error }] })
  const observed = await observe(work, mapping, okAt)
  await commit(work, async (tx) => {
    const answersNow = rt.connector.answersWithRecord
    await links.updateLinks(tx, okAt.map(({ p, o }) => {
      const seen = o.snapshot?.version
      return { id: p.link.id, state: 'live', externalId: o.id, base: observed.get(p.link.id)!, ...(seen !== undefined && { wrote: seen, ...(kind === 'create' && { seen }) }), ...(answersNow && { openWrite: null, ...(seen !== undefined && { seen }) }) }
    }))
    await links.answerWrites(tx, okAt.map(({ p }) => ({ id: ids.get(p.link.id)!, state: answersNow ? 'settled' : 'acknowledged' })))
    await queues.finishOutbox(tx, okAt.map(({ p }) => p.outbox))
    if (kind === 'create') {
      await identity.putKeys(tx, rt.id, mapping.object, okAt.map(({ o }) => o.id), okAt.flatMap(({ p, o }) => keysOf(mapping, o.id, new Map(Object.entries(p.fields).map(([n, f]) => [n, { raw: f.s, value: f.c }])))), true)
      await queues.wakeWaiting(tx, rt.id, okAt.map(({ o }) => o.id))
      await queues.wakeWaitingOut(tx, rt.id, okAt.map(({ p }) => p.record.id))
    }
    await noteAdjusted(tx, work, okAt, observed)
    await refuse(tx, work, mapping, failed, ids, kind)
  })
  work.counts[kind === 'create' ? 'created' : 'updated'] += okAt.length
  if (kind === 'update') work.counts.cleared += okAt.filter(({ p }) => Object.values(p.fields).some((f) => f.c === null)).length
  work.counts.refused += failed.length
}

/** What the CRM holds after a write: its answer where it gives one, else what was sent (a poll settles it). */
async function observe(work: Work, mapping: CompiledMapping, ok: { p: Planned; o: Outcome & { ok: true } }[]): Promise<Map<string, Base>> {
  const ctx = lensContext(work.rt, mapping, { recordOf: () => undefined, externalOf: () => undefined })
  const readings = await readRows(mapping, ok.map(({ p, o }) => ({ ...p.row, ...o.snapshot?.row })), ctx)
  return new Map(ok.map(({ p, o }, i) => {
    const base: Base = {}
    for (const [name, f] of Object.entries(p.fields)) {
      const reading = o.snapshot && mapping.byName.get(name)?.type !== 'reference' ? readings[i]!.get(name) : undefined
      base[name] = reading && 'value' in reading ? { c: reading.value, r: reading.raw, n: f.n } : { c: f.c, r: f.s, n: f.n }
    }
    return [p.link.id, work.rt.connector.answersWithRecord ? base : {}]
  }))
}

async function noteAdjusted(tx: Tx, work: Work, ok: { p: Planned; o: Outcome & { ok: true } }[], observed: Map<string, Base>): Promise<void> {
  await records.appendChanges(tx, ok.flatMap(({ p }) => {
    const kept = Object.entries(observed.get(p.link.id) ?? {}).filter(([name, b]) => !same(b.c, p.fields[name]!.c))
    if (kept.length === 0) return []
    return [{ recordId: p.record.id, connectionId: work.rt.id, runId: work.runId, kind: 'adjusted' as const, origin: work.rt.id, version: p.record.version, fields: Object.fromEntries(kept.map(([name, b]) => [name, [p.fields[name]!.c, b.c] as [unknown, unknown]])) }]
  }))
}

/** Refused rows: the class decides. A blamed field becomes a dead letter and the rest is sent again. */
async function refuse(tx: Tx, work: Work, mapping: CompiledMapping, failed: { p: Planned; error: CrmError }[], ids: Map<string, number>, kind: 'create' | 'update'): Promise<void> {
  if (failed.length === 0) return
  const { rt } = work
  const unknown = failed.filter(({ error }) => error.class === 'unknown_outcome')
  const certain = failed.filter(({ error }) => error.class !== 'unknown_outcome')
  await links.answerWrites(tx, certain.map(({ p, error }) => ({ id: ids.get(p.link.id)!, state: 'refused', error: errorJson(error) })))
  await sql`update link set open_write = null, changed = pg_current_xact_id(), rev = rev + 1 where id = any(${certain.map(({ p }) => p.link.id)}::uuid[])`.execute(tx)
  const letters: conflicts.DeadLetter[] = []
  const reread: { object: string; externalId: string }[] = []
  for (const { p, error } of certain) {
    const blamed = Object.keys(p.fields).filter((name) => { const f = mapping.byName.get(name)!; return error.detail.fields?.includes(f.column) || (f.companion && error.detail.fields?.includes(f.companion)) })
    const letter = (field: string) => ({ id: randomUUID(), linkId: p.link.id, recordId: p.record.id, entity: mapping.entity, field, value: field in p.fields ? p.fields[field]!.c : null, class: error.class, message: error.message })
    switch (error.class) {
      case 'locked': case 'rate_limited': case 'unavailable':
        await queues.deferOutbox(tx, [p.link.id], RETRY_MS)
        break
      case 'not_found': case 'deleted': case 'changed':
        if (p.link.externalId) reread.push({ object: mapping.object, externalId: p.link.externalId })
        await queues.deferOutbox(tx, [p.link.id], 2_000)
        break
      case 'duplicate_value': case 'duplicate_rule':
        // The row that holds the value already is read: it may be the record's twin.
        if (error.detail.existingId) reread.push({ object: mapping.object, externalId: error.detail.existingId })
        letters.push(letter(kind === 'create' ? '(create)' : (blamed[0] ?? '(record)')))
        await queues.finishOutbox(tx, [p.outbox])
        break
      default:
        if (blamed.length > 0) letters.push(...blamed.map(letter))
        else letters.push(letter(kind === 'create' ? '(create)' : '(record)'))
        // The other fields are sent without the blamed ones; a record nobody can blame a field of stays.
        if (blamed.length > 0 && !blamed.some((name) => kind === 'create' && mapping.schema.fields[mapping.byName.get(name)!.column]?.required)) await queues.touchOutboxLinks(tx, [p.link.id])
        else await queues.finishOutbox(tx, [p.outbox])
    }
  } // biome-ignore format: cases share lines
  await conflicts.putDeadLetters(tx, rt.id, letters)
  await queues.touchInbox(tx, rt.id, reread, 'a write to it was refused')
  await queues.deferOutbox(tx, unknown.map(({ p }) => p.link.id), work.flightMs)
}

// --- unknown outcomes -------------------------------------------------------------------------------

/** Writes that never got an answer: once nothing can be in flight any more the CRM is asked. */
async function lookUpUnanswered(work: Work): Promise<void> {
  const { engine, rt } = work
  const open = await inTransaction(engine, (tx) => rows(tx, sql<{ id: number; linkId: string; recordId: string; kind: string; entity: Entity; object: string; externalId: string | null }>`
    select write.id, link.id as "linkId", write.record_id as "recordId", write.kind, link.entity, link.object, link.external_id as "externalId"
    from write join link on link.id = write.link_id and link.open_write = write.id
    where write.connection_id = ${rt.id} and write.state in ('sent', 'acknowledged') and write.sent_at < clock_timestamp() - ${work.flightMs} * interval '1 millisecond' order by write.id limit 1000`))
  for (const [object, group] of Map.groupBy(open, (o) => o.object)) {
    const known = group.filter((g) => g.externalId !== null)
    await inTransaction(engine, (tx) => queues.touchInbox(tx, rt.id, known.map((k) => ({ object, externalId: k.externalId! })), 'the outcome of a write is unknown'))
    const creates = group.filter((g) => g.externalId === null)
    for (const piece of chunks(creates, rt.connector.batch.find)) {
      const mapping = mappingOf(rt, piece[0]!.entity)!
      const column = mapping.document.externalId!
      const found = await rt.connector.find({ object, column, values: piece.map((p) => p.recordId), columns: columnsOf(rt, object) })
      const landed = new Set(found.map((f) => String(f.row[column])))
      await commit(work, async (tx) => {
        // Those that landed are read by id and bind by their external key; the others are made again.
        await queues.touchInbox(tx, rt.id, found.map((f) => ({ object, externalId: f.id })), 'a create of ours without an answer')
        const lost = piece.filter((p) => !landed.has(p.recordId))
        await links.answerWrites(tx, lost.map((p) => ({ id: p.id, state: 'refused', error: { class: 'not_landed', message: 'no answer came and the record is not there' } })))
        await sql`update link set open_write = null, changed = pg_current_xact_id(), rev = rev + 1 where id = any(${lost.map((p) => p.linkId)}::uuid[])`.execute(tx)
        await queues.touchOutboxLinks(tx, lost.map((p) => p.linkId))
      })
    }
  }
}
