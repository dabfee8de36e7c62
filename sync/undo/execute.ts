import { randomUUID, randomUUIDv7 } from 'node:crypto'
import { chunks, type Outcome, type Snapshot } from '../../connectors/connector.ts'
import { CrmError } from '../../connectors/errors.ts'
import { type CompiledMapping, isAssociationColumn } from '../../mappings/compile.ts'
import { rawOf, readRows } from '../../mappings/lens.ts'
import { ENTITIES } from '../../mappings/model/model.ts'
import { same } from '../../mappings/model/value.ts'
import type { RawRow } from '../../mappings/schema.ts'
import type { ConflictRow, LinkRow, RecordRow, Side } from '../../mappings/state.ts'
import * as conflicts from '../../store/conflicts.ts'
import type { Tx } from '../../store/database.ts'
import * as intents from '../../store/intents.ts'
import * as links from '../../store/links.ts'
import * as queues from '../../store/queues.ts'
import * as records from '../../store/records.ts'
import * as undo from '../../store/undo.ts'
import { applySnapshots } from '../apply.ts'
import { type ApplyContext, drawContext } from '../batch.ts'
import { inTransaction } from '../engine.ts'
import { askForChildren, hasChildren, livingChildren } from '../frozen.ts'
import { acknowledge } from '../push/answers.ts'
import { hasAssociations, writeAssociations } from '../push/associations.ts'
import { NOT_SENT, sendCreates } from '../push/create.ts'
import { editedSince } from '../push/delete.ts'
import { renderFields } from '../push/render.ts'
import {
  commit,
  concurrently,
  demand,
  errorJson,
  type Planned,
  send,
  type Target,
  type Work,
  withoutAssociations,
} from '../push/work.ts'
import { NO_REFERENCES, outward } from '../references.ts'
import { columnsOf, lensContext, mappingOf } from '../runtime.ts'
import { columnsFor } from './plan.ts'

/** Failures after which a step is tried again. */
const PASSING = ['rate_limited', 'unavailable', 'locked', 'quota_exhausted', 'auth_expired', 'not_landed', 'not_sent', 'changed']
const RETRY_MS = 5_000
const BUSY_MS = 500
/** Steps claimed at once. */
const CLAIM = 1_000

/**
 * Carries out the steps of undos on one connection, under the push lane's fence: rows are made again parents first, and
 * removed children first. Each row is read once more before: what was changed since the plan is left as it is.
 *
 * @returns whether steps are left that are due.
 */
export async function undoSteps(work: Work, until: number): Promise<boolean> {
  const { engine, rt } = work
  const due = await inTransaction(engine, async (tx) => {
    await undo.retrySteps(tx, rt.id, PASSING, RETRY_MS)
    await undo.finishUndos(tx)
    return undo.hasSteps(tx, rt.id)
  })
  if (!due) return false
  const parentsFirst = ENTITIES.flatMap((entity) => mappingOf(rt, entity) ?? [])
  const turns = [
    ...parentsFirst.flatMap((mapping) => [
      { mapping, kind: 'restore' as const, run: restore },
      { mapping, kind: 'update' as const, run: revert },
    ]),
    ...parentsFirst.toReversed().map((mapping) => ({ mapping, kind: 'remove' as const, run: removeRows })),
  ]
  for (const { mapping, kind, run } of turns)
    for (;;) {
      if (Date.now() >= until) return true
      const steps = await inTransaction(engine, (tx) => undo.dueSteps(tx, rt.id, mapping.entity, kind, CLAIM))
      if (steps.length === 0) break
      await run(work, mapping, steps)
    }
  await inTransaction(engine, (tx) => undo.finishUndos(tx))
  return false
}

const step = ({ undoId, linkId }: undo.Step, change: Omit<undo.StepChange, 'undoId' | 'linkId'>): undo.StepChange => ({
  undoId,
  linkId,
  ...change,
})

/** A step that is not carried out, and why. */
const keep = (s: undo.Step, reason: string): undo.StepChange => step(s, { state: 'kept', reason, kept: { '(row)': reason } })

/** Steps of an undo belong to its run. */
const intentsOf = async (
  tx: Tx,
  work: Work,
  ready: { step: undo.Step; write: intents.NewWrite }[],
): Promise<Map<string, number>> => {
  const ids = new Map<string, number>()
  for (const [undoId, of] of Map.groupBy(ready, (r) => r.step.undoId))
    for (const [linkId, id] of await intents.insertWrites(
      tx,
      work.rt.id,
      randomUUID(),
      undoId,
      of.map((r) => r.write),
    ))
      ids.set(linkId, id)
  return ids
}

/** No outbox row is answered by a step. */
const NO_OUTBOX = (linkId: string, entity: string): queues.OutboxRow => ({ linkId, entity, seq: -1, attempts: 0 })

// --- values that are set back -----------------------------------------------------------------------

async function revert(work: Work, mapping: CompiledMapping, steps: undo.Step[]): Promise<void> {
  const { engine, rt } = work
  const found = await inTransaction(engine, (tx) =>
    links.readLinks(
      tx,
      steps.map((s) => s.linkId),
    ),
  )
  const externalIds = new Map(found.flatMap((l) => (l.state === 'live' && l.externalId !== null ? [[l.id, l.externalId]] : [])))
  const ctx: ApplyContext = {
    ...(await inTransaction(engine, (tx) => drawContext(tx, engine, rt, work.runId))),
    pushing: new Set(externalIds.keys()),
  }
  const associations = await readAssociationsOf(work, mapping, steps, [...externalIds.values()])
  const sent: Planned[] = []
  const writes = new Map<string, number>()
  const outcomes = new Map<Planned, Outcome>()
  try {
    await concurrently(
      chunks(steps, rt.connector.batch.update).map((piece) => async () => {
        const read = await rt.connector.readByIds({
          object: mapping.object,
          ids: piece.flatMap((s) => externalIds.get(s.linkId) ?? []),
          columns: columnsOf(rt, mapping.object),
        })
        const snapshots = read.map((s) => ({ ...s, row: { ...s.row, ...associations.get(s.id) } }))
        const sendBy = Date.now() + engine.timing.sendBy
        const prepared = await commit(work, (tx) => prepareReverts(tx, work, mapping, piece, ctx, snapshots))
        for (const [linkId, id] of prepared.writes) writes.set(linkId, id)
        for (const [p, outcome] of await sendValues(work, mapping, prepared, sendBy)) {
          sent.push(p)
          outcomes.set(p, outcome)
        }
      }),
    )
  } finally {
    // What was answered counts, whatever became of the others.
    const associated = sent.filter((p) => outcomes.get(p)!.ok && hasAssociations(p))
    for (const [p, error] of await writeAssociations(work, mapping, associated)) outcomes.set(p, { ok: false, error })
    const taken = sent.filter((p) => outcomes.get(p)!.ok)
    await acknowledge(
      work,
      mapping,
      taken,
      writes,
      taken.map((p) => outcomes.get(p)!),
      'update',
    )
    await refuse(work, mapping, writes, sent, outcomes)
  }
}

/** Sends the values of one batch; associations follow. */
async function sendValues(
  work: Work,
  mapping: CompiledMapping,
  { ready, writes }: { ready: Planned[]; writes: ReadonlyMap<string, number> },
  sendBy: number,
): Promise<Map<Planned, Outcome>> {
  const outcomes = new Map<Planned, Outcome>(ready.map((p) => [p, { ok: true, id: p.link.externalId! }]))
  const plain = ready.filter((p) => Object.keys(withoutAssociations(p.row)).length > 0)
  if (plain.length === 0) return outcomes
  const results = await send(work, writes, () =>
    work.rt.connector.update({
      object: mapping.object,
      sendBy,
      rows: plain.map((p) => ({ id: p.link.externalId!, row: withoutAssociations(p.row) })),
    }),
  )
  for (const [i, r] of results.entries()) outcomes.set(plain[i]!, r)
  return outcomes
}

/** The associations that are to be set back, as they stand now. */
async function readAssociationsOf(
  { rt }: Work,
  mapping: CompiledMapping,
  steps: undo.Step[],
  ids: string[],
): Promise<Map<string, RawRow>> {
  const found = new Map<string, RawRow>()
  const columns = mapping.fields
    .filter((f) => isAssociationColumn(f.column) && steps.some((s) => f.name in s.fields))
    .map((f) => f.column)
  if (!rt.connector.associationsApart || columns.length === 0) return found
  for (const piece of chunks(ids, rt.connector.batch.associations))
    for (const [id, row] of await rt.connector.readAssociations({ object: mapping.object, ids: piece, columns }))
      found.set(id, row)
  return found
}

/** Merges what stands there, leaves what was changed since, opens a conflict for what the others keep, stores the intents. */
async function prepareReverts(
  tx: Tx,
  work: Work,
  mapping: CompiledMapping,
  steps: undo.Step[],
  ctx: ApplyContext,
  snapshots: Snapshot[],
): Promise<{ ready: Planned[]; writes: Map<string, number> }> {
  const { putBack } = await applySnapshots(tx, ctx, mapping.object, snapshots)
  const byId = new Map(snapshots.map((s) => [s.id, s]))
  const known = await lockKnown(tx, steps, ctx.ticket)
  const open = new Map((await conflicts.openConflicts(tx, [...known.records.keys()])).map((c) => [`${c.recordId} ${c.field}`, c]))
  const ready: { step: undo.Step; planned: Planned; snapshot: Snapshot; kept: Record<string, string> }[] = []
  const changes: undo.StepChange[] = []
  const busy: undo.Step[] = []
  for (const s of steps) {
    const { link, record } = known.of(s)
    const snapshot = byId.get(link?.externalId ?? '')
    if (!link || !record || link.state !== 'live') {
      changes.push(keep(s, 'its row is not there any more'))
      continue
    }
    if (record.frozen !== null || record.deleted) {
      changes.push(keep(s, 'the record was deleted or frozen since'))
      continue
    }
    if (link.openWrite !== null || !snapshot || snapshot.deleted || putBack.has(snapshot.id)) {
      busy.push(s)
      continue
    }
    const planned: Planned = { link, record, outbox: NO_OUTBOX(link.id, link.entity), fields: {}, row: {} }
    const kept: Record<string, string> = {}
    for (const [name, f] of Object.entries(s.fields)) {
      const field = mapping.byName.get(name)
      const conflict = open.get(`${record.id} ${name}`)
      if (!field?.writes) kept[name] = 'nothing maps it any more'
      else if (conflict && conflict.kind !== 'undone') kept[name] = 'a conflict about it is open'
      else if (!same(link.base[name]?.c ?? null, f.from)) kept[name] = 'changed since'
      else if (snapshot.row[field.column] === undefined) kept[name] = 'it cannot be read any more'
      else {
        Object.assign(planned.row, columnsFor(field, f.raw))
        planned.fields[name] = {
          c: f.to,
          s: f.raw,
          b: rawOf(field, snapshot.row),
          n: record.fields[name]?.n ?? 0,
        }
      }
    }
    if (Object.keys(planned.fields).length === 0) changes.push(step(s, { state: 'kept', reason: Object.values(kept)[0]!, kept }))
    else ready.push({ step: s, planned, snapshot, kept })
  }
  await putOff(tx, work, mapping, busy)
  await holdFields(
    tx,
    work,
    ready.map((r) => r.planned),
    open,
  )
  const writes = await intentsOf(
    tx,
    work,
    ready.map(({ step: s, planned, snapshot }) => ({
      step: s,
      write: {
        linkId: planned.link.id,
        recordId: planned.record.id,
        kind: 'update',
        fields: planned.fields,
        readVersion: snapshot.version,
        readClock: snapshot.clock,
      },
    })),
  )
  await undo.changeSteps(tx, [
    ...changes,
    ...ready.map(({ step: s, planned, kept }) => step(s, { state: 'sent', kept, writeId: writes.get(planned.link.id)! })),
  ])
  return { ready: ready.map((r) => r.planned), writes }
}

/**
 * The others keep what the write had brought here: a conflict says so, and holds the field until a person decides or
 * all agree again. Without it the next turn would write the same once more.
 */
async function holdFields(tx: Tx, { rt }: Work, ready: Planned[], open: ReadonlyMap<string, ConflictRow>): Promise<void> {
  const opened: ConflictRow[] = []
  const observed: ConflictRow[] = []
  for (const { record, link, fields } of ready)
    for (const [name, f] of Object.entries(fields)) {
      const hub = record.fields[name]
      const conflict = open.get(`${record.id} ${name}`)
      const side: Side = { side: rt.id, value: f.c, raw: f.s, origin: rt.id, at: [0, 0] }
      if (conflict)
        observed.push({ ...conflict, sides: [...conflict.sides.filter((x) => x.side !== rt.id), side], rev: conflict.rev + 1 })
      else if (!same(hub?.v ?? null, f.c))
        opened.push({
          id: randomUUIDv7(),
          recordId: record.id,
          field: name,
          kind: 'undone',
          base: link.base[name]?.c ?? null,
          policy: 'undo',
          why: `a write to ${rt.name} was taken back, the others keep its value`,
          rev: 1,
          sides: [{ side: 'hub', value: hub?.v ?? null, origin: hub?.o ?? '', at: hub?.t ?? [0, 0] }, side],
        })
    }
  await conflicts.insertConflicts(tx, opened)
  await conflicts.updateConflicts(tx, observed)
}

/** Rows of which a write of ours is open, or that were changed while they were read, are looked at again. */
async function putOff(tx: Tx, work: Work, mapping: CompiledMapping, busy: undo.Step[]): Promise<void> {
  if (busy.length === 0) return
  demand(work, mapping.object, false)
  for (const [undoId, of] of Map.groupBy(busy, (s) => s.undoId))
    await undo.deferSteps(
      tx,
      undoId,
      of.map((s) => s.linkId),
      BUSY_MS,
    )
}

/** Links and records of some steps as they stand now, locked. */
async function lockKnown(tx: Tx, steps: undo.Step[], ticket: string) {
  const found = await links.lockLinks(
    tx,
    steps.map((s) => s.linkId),
    ticket,
  )
  const byId = new Map(found.map((l) => [l.id, l]))
  const recordIds = [...new Set(found.flatMap((l) => l.recordId ?? []))].sort()
  const recordsById = new Map((await records.lockRecords(tx, recordIds)).map((r) => [r.id, r]))
  return {
    records: recordsById,
    of: (s: undo.Step): { link: links.TicketedLink | undefined; record: RecordRow | undefined } => {
      const link = byId.get(s.linkId)
      return { link, record: recordsById.get(link?.recordId ?? '') }
    },
  }
}

/** Writes that a CRM refused: the step says why, and the row is read again. */
async function refuse(
  work: Work,
  mapping: CompiledMapping,
  writes: ReadonlyMap<string, number>,
  sent: readonly Target[],
  outcomes: ReadonlyMap<Target, Outcome>,
  back?: LinkRow['state'],
): Promise<void> {
  const failed = sent.flatMap((t) => {
    const o = outcomes.get(t)!
    return o.ok ? [] : [{ t, error: o.error }]
  })
  if (failed.length === 0) return
  const certain = failed.filter(({ error }) => error.class !== 'unknown_outcome')
  await commit(work, async (tx) => {
    await intents.refuseWrites(
      tx,
      certain.map(({ t, error }) => ({ linkId: t.link.id, id: writes.get(t.link.id)!, error: errorJson(error) })),
    )
    if (back)
      await links.updateLinks(
        tx,
        certain.map(({ t }) => ({ id: t.link.id, state: back })),
      )
    await queues.touchInbox(
      tx,
      work.rt.id,
      certain.flatMap(({ t }) => (t.link.externalId ? [{ object: mapping.object, externalId: t.link.externalId }] : [])),
      'a write to it was refused',
    )
    await intents.stillInFlight(
      tx,
      failed.filter(({ error }) => error.class === 'unknown_outcome').map(({ t }) => t.link.id),
    )
  })
  work.counts.refused += certain.length
}

// --- rows that were made are removed ----------------------------------------------------------------

async function removeRows(work: Work, mapping: CompiledMapping, steps: undo.Step[]): Promise<void> {
  const { engine, rt } = work
  const found = await inTransaction(engine, (tx) =>
    links.readLinks(
      tx,
      steps.map((s) => s.linkId),
    ),
  )
  const ids = found.flatMap((l) => (l.state === 'live' ? (l.externalId ?? []) : []))
  const ctx = await inTransaction(engine, (tx) => drawContext(tx, engine, rt, work.runId))
  const read: Snapshot[] = []
  await concurrently(
    chunks(ids, rt.connector.batch.readByIds).map((piece) => async () => {
      read.push(...(await rt.connector.readByIds({ object: mapping.object, ids: piece, columns: columnsOf(rt, mapping.object) })))
    }),
  )
  const sendBy = Date.now() + engine.timing.sendBy
  const { ready, writes } = await commit(work, (tx) => prepareRemovals(tx, work, mapping, steps, ctx, read))
  const waiting = new Set(chunks(ready, rt.connector.batch.remove))
  try {
    await concurrently(
      [...waiting].map((piece) => async () => {
        // Too late to be sent: when it could land would be anybody's guess.
        if (Date.now() > sendBy) return
        waiting.delete(piece)
        await sendRemovals(work, mapping, piece, writes, sendBy)
      }),
    )
  } finally {
    const unsent = [...waiting].flat()
    await commit(work, async (tx) => {
      await intents.refuseWrites(
        tx,
        unsent.map((t) => ({ linkId: t.link.id, id: writes.get(t.link.id)!, error: NOT_SENT })),
      )
      await standAgain(tx, unsent)
    })
  }
}

async function sendRemovals(
  work: Work,
  mapping: CompiledMapping,
  piece: Target[],
  writes: ReadonlyMap<string, number>,
  sendBy: number,
): Promise<void> {
  const own = new Map(piece.map((t) => [t.link.id, writes.get(t.link.id)!]))
  let results: Outcome[]
  try {
    results = await send(work, own, () =>
      work.rt.connector.remove({ object: mapping.object, ids: piece.map((t) => t.link.externalId!), sendBy }),
    )
  } catch (error) {
    // A call that failed for certain has removed nothing.
    if (error instanceof CrmError && error.class !== 'unknown_outcome') await commit(work, (tx) => standAgain(tx, piece))
    throw error
  }
  const outcomes = new Map<Target, Outcome>(piece.map((t, i) => [t, results[i]!]))
  await commit(work, (tx) =>
    intents.closeWrites(
      tx,
      piece.filter((t) => outcomes.get(t)!.ok).map((t) => t.link.id),
    ),
  )
  work.counts.deleted += results.filter((o) => o.ok).length
  await refuse(work, mapping, own, piece, outcomes, 'live')
}

const standAgain = (tx: Tx, ready: readonly Target[]) =>
  links.updateLinks(
    tx,
    ready.map((t) => ({ id: t.link.id, state: 'live' })),
  )

/** Only what is as we last saw it, and stands above nothing, is removed. From now on its absence means nothing. */
async function prepareRemovals(
  tx: Tx,
  work: Work,
  mapping: CompiledMapping,
  steps: undo.Step[],
  ctx: ApplyContext,
  read: Snapshot[],
): Promise<{ ready: Target[]; writes: Map<string, number> }> {
  const { rt } = work
  const living = read.filter((s) => !s.deleted && !s.unseen)
  const lens = lensContext(rt, mapping, NO_REFERENCES)
  const canonical = await readRows(
    mapping,
    living.map((s) => s.row),
    lens,
  )
  const readings = new Map(living.map((s, i) => [s.id, { snapshot: s, reading: canonical[i]! }]))
  const known = await lockKnown(tx, steps, ctx.ticket)
  const below = hasChildren(mapping.entity) ? await livingChildren(tx, rt, [...known.records.keys()]) : new Map<string, string>()
  const ready: { step: undo.Step; target: Target; snapshot: Snapshot }[] = []
  const changes: undo.StepChange[] = []
  const busy: undo.Step[] = []
  for (const s of steps) {
    const { link, record } = known.of(s)
    const now = readings.get(link?.externalId ?? '')
    if (!link || !record || link.state !== 'live' || !now) {
      changes.push(keep(s, 'its row is not there any more'))
      continue
    }
    if (record.frozen !== null || record.deleted) {
      changes.push(keep(s, 'the record was deleted or frozen since'))
      continue
    }
    if (link.openWrite !== null || link.changedSince) {
      busy.push(s)
      continue
    }
    const edits = Object.keys(editedSince(mapping, link, now.reading))
    const children = below.get(record.id)
    if (edits.length > 0) changes.push(keep(s, `${edits.join(', ')} edited there since`))
    else if (children) changes.push(keep(s, `${children} of it stand there`))
    else ready.push({ step: s, target: { link, record, outbox: NO_OUTBOX(link.id, link.entity) }, snapshot: now.snapshot })
  }
  await putOff(tx, work, mapping, busy)
  await links.updateLinks(
    tx,
    ready.map((r) => ({ id: r.target.link.id, state: 'withdrawn' })),
  )
  const writes = await intentsOf(
    tx,
    work,
    ready.map(({ step: s, target, snapshot }) => ({
      step: s,
      write: {
        linkId: target.link.id,
        recordId: target.record.id,
        kind: 'delete',
        fields: {},
        readVersion: snapshot.version,
        readClock: snapshot.clock,
      },
    })),
  )
  await undo.changeSteps(tx, [
    ...changes,
    ...ready.map((r) => step(r.step, { state: 'sent', writeId: writes.get(r.step.linkId)! })),
  ])
  return { ready: ready.map((r) => r.target), writes }
}

// --- rows that were deleted stand again -------------------------------------------------------------

async function restore(work: Work, mapping: CompiledMapping, steps: undo.Step[]): Promise<void> {
  const { connector } = work.rt
  const [size, run] = connector.restore ? [connector.batch.remove, undeleteBatch] : [connector.batch.create, remakeBatch]
  for (const piece of chunks(steps, size)) await run(work, mapping, piece)
}

/** A record whose row stands again here, while it is deleted elsewhere, waits for a person. */
async function askAbout(tx: Tx, work: Work, record: RecordRow): Promise<void> {
  if (record.deleted && record.frozen === null)
    await records.freeze(
      tx,
      record.id,
      'restored',
      `its delete was taken back in ${work.rt.name}: decide whether it is kept everywhere or deleted there too`,
    )
}

async function undeleteBatch(work: Work, mapping: CompiledMapping, steps: undo.Step[]): Promise<void> {
  const { engine, rt } = work
  const sendBy = Date.now() + engine.timing.sendBy
  const { ready, writes } = await commit(work, async (tx) => {
    const known = await lockKnown(tx, steps, await links.drawTicket(tx))
    const usable = steps.flatMap((s) => {
      const { link, record } = known.of(s)
      const gone = link && record && (link.state === 'dead' || link.state === 'withdrawn') && link.externalId !== null
      return gone ? [{ step: s, target: { link, record, outbox: NO_OUTBOX(link.id, link.entity) } }] : []
    })
    const ids = await intentsOf(
      tx,
      work,
      usable.map(({ step: s, target }) => ({
        step: s,
        write: { linkId: target.link.id, recordId: target.record.id, kind: 'restore', fields: {}, readVersion: 0, readClock: 0 },
      })),
    )
    await undo.changeSteps(tx, [
      ...steps.filter((s) => !usable.some((u) => u.step === s)).map((s) => keep(s, 'it stands again already')),
      ...usable.map((u) => step(u.step, { state: 'sent', writeId: ids.get(u.step.linkId)! })),
    ])
    return { ready: usable.map((u): Target => u.target), writes: ids }
  })
  if (ready.length === 0) return
  const results = await send(work, writes, () =>
    rt.connector.restore!({ object: mapping.object, ids: ready.map((t) => t.link.externalId!), sendBy }),
  )
  const outcomes = new Map<Target, Outcome>(ready.map((t, i) => [t, results[i]!]))
  const ok = ready.filter((t) => outcomes.get(t)!.ok)
  await commit(work, async (tx) => {
    await intents.closeWrites(
      tx,
      ok.map((t) => t.link.id),
    )
    await links.updateLinks(
      tx,
      ok.map((t) => ({ id: t.link.id, state: 'live' })),
    )
    for (const t of ok) await askAbout(tx, work, t.record)
    await queues.touchInbox(
      tx,
      rt.id,
      ok.map((t) => ({ object: mapping.object, externalId: t.link.externalId! })),
      'it was restored',
    )
  })
  work.counts.created += ok.length
  await refuse(work, mapping, writes, ready, outcomes)
}

/** Where the CRM cannot restore, a new row is made of what the deleted one held; both ids are listed. */
async function remakeBatch(work: Work, mapping: CompiledMapping, steps: undo.Step[]): Promise<void> {
  const { engine, rt } = work
  const sendBy = Date.now() + engine.timing.sendBy
  const { ready, writes } = await commit(work, async (tx) => {
    const known = await lockKnown(tx, steps, await links.drawTicket(tx))
    const changes: undo.StepChange[] = []
    const fresh: { step: undo.Step; link: links.NewLink; old: LinkRow; record: RecordRow }[] = []
    for (const s of steps) {
      const { link, record } = known.of(s)
      if (!link || !record || (link.state !== 'dead' && link.state !== 'withdrawn')) {
        changes.push(keep(s, 'it stands again already'))
        continue
      }
      if (link.state === 'withdrawn') await links.updateLinks(tx, [{ id: link.id, state: 'dead' }])
      fresh.push({
        step: s,
        old: link,
        record,
        link: {
          id: randomUUIDv7(),
          connectionId: rt.id,
          object: mapping.object,
          entity: mapping.entity,
          externalId: null,
          recordId: record.id,
          state: 'creating',
          base: {},
          seen: 0,
        },
      })
    }
    await links.insertLinks(
      tx,
      fresh.map((f) => f.link),
    )
    const rendered = await renderFields(
      work,
      mapping,
      fresh.map(({ link, record }) => ({
        target: { link: asLocked(link), record, outbox: NO_OUTBOX(link.id, link.entity) },
        base: {},
        current: {},
        frozen: new Set<string>(),
      })),
      await outward(
        tx,
        rt,
        mapping,
        fresh.map((f) => f.record),
      ),
      new Map(),
    )
    const planned = rendered.planned.map((p): { step: undo.Step; planned: Planned } => {
      const f = fresh.find((x) => x.link.id === p.link.id)!
      // A record that lives on gets what it holds now, as any new row does.
      return { step: f.step, planned: f.record.deleted ? withFormerValues(mapping, p, f.old) : p }
    })
    // The write is found by its new link: the step's own link is that of the row that went.
    const ids = new Map<string, number>()
    for (const [undoId, of] of Map.groupBy(planned, (p) => p.step.undoId))
      for (const [linkId, id] of await intents.insertWrites(
        tx,
        rt.id,
        randomUUID(),
        undoId,
        of.map(({ planned: p }) => ({
          linkId: p.link.id,
          recordId: p.record.id,
          kind: 'create',
          fields: p.fields,
          readVersion: 0,
          readClock: 0,
        })),
      ))
        ids.set(linkId, id)
    for (const { record } of fresh) await askAbout(tx, work, record)
    await undo.changeSteps(tx, [
      ...changes,
      ...planned.map(({ step: s, planned: p }) => step(s, { state: 'sent', writeId: ids.get(p.link.id)!, newLinkId: p.link.id })),
    ])
    return { ready: planned.map((p) => p.planned), writes: ids }
  })
  if (ready.length === 0) return
  await sendCreates(work, mapping, { ready, ids: writes, sendBy })
  await commit(work, async (tx) => {
    for (const { record } of ready) await askForChildren(tx, engine, record)
  })
}

const asLocked = (link: links.NewLink): links.TicketedLink => ({
  ...link,
  entity: link.entity as LinkRow['entity'],
  rev: 0,
  wrote: 0,
  openWrite: null,
  changedSince: false,
})

/** Values exactly as the deleted row held them, where it is still known; what it pointed at, as it is linked now. */
function withFormerValues(mapping: CompiledMapping, p: Planned, old: LinkRow): Planned {
  const out: Planned = { ...p, fields: { ...p.fields }, row: { ...p.row } }
  for (const field of mapping.fields) {
    const base = old.base[field.name]
    if (!field.writes || field.type === 'reference' || !base || base.c === null) continue
    Object.assign(out.row, columnsFor(field, base.r))
    out.fields[field.name] = { c: base.c, s: base.r, b: null, n: p.record.fields[field.name]?.n ?? 0 }
  }
  return out
}
