import { randomUUIDv7 } from 'node:crypto'
import { chunks, type Outcome, type Snapshot } from '../../connectors/connector.ts'
import { type CompiledMapping, isAssociationColumn } from '../../mappings/compile.ts'
import { rawOf } from '../../mappings/lens.ts'
import { same } from '../../mappings/model/value.ts'
import type { RawRow } from '../../mappings/schema.ts'
import type { ConflictRow, Side } from '../../mappings/state.ts'
import * as conflicts from '../../store/conflicts.ts'
import type { Tx } from '../../store/database.ts'
import * as links from '../../store/links.ts'
import * as undo from '../../store/undo.ts'
import { applySnapshots } from '../apply.ts'
import { type ApplyContext, drawContext } from '../batch.ts'
import { inTransaction } from '../engine.ts'
import { acknowledge } from '../push/answers.ts'
import { hasAssociations, writeAssociations } from '../push/associations.ts'
import { conditionFor } from '../push/update.ts'
import { commit, concurrently, type Planned, send, type Work, withoutAssociations } from '../push/work.ts'
import { columnsOf } from '../runtime.ts'
import { columnsFor } from './plan.ts'
import { heldValue, intentsOf, keep, lockKnown, NO_OUTBOX, putOff, refuse, step } from './steps.ts'

/** Values that were written are set back. */

export async function revert(work: Work, mapping: CompiledMapping, steps: undo.Step[]): Promise<void> {
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
        for (const [p, outcome] of await sendValues(work, mapping, prepared, snapshots, sendBy)) {
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
  snapshots: Snapshot[],
  sendBy: number,
): Promise<Map<Planned, Outcome>> {
  const outcomes = new Map<Planned, Outcome>(ready.map((p) => [p, { ok: true, id: p.link.externalId! }]))
  const plain = ready.filter((p) => Object.keys(withoutAssociations(p.row)).length > 0)
  if (plain.length === 0) return outcomes
  const unmodifiedSince = plain.length === 1 ? conditionFor(work.rt, snapshots, plain[0]!) : undefined
  const results = await send(work, writes, () =>
    work.rt.connector.update({
      object: mapping.object,
      sendBy,
      rows: plain.map((p) => ({ id: p.link.externalId!, row: withoutAssociations(p.row), unmodifiedSince })),
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
      else if (!same(heldValue(link, name, conflict) ?? null, f.from)) kept[name] = 'changed since'
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
