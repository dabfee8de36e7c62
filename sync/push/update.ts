import { randomUUID } from 'node:crypto'
import { chunks, type Outcome, type Snapshot } from '../../connectors/connector.ts'
import { type CompiledMapping, isAssociationColumn } from '../../mappings/compile.ts'
import { type Json, same } from '../../mappings/model/value.ts'
import type { RawRow } from '../../mappings/schema.ts'
import * as conflicts from '../../store/conflicts.ts'
import type { Tx } from '../../store/database.ts'
import * as intents from '../../store/intents.ts'
import * as links from '../../store/links.ts'
import * as queues from '../../store/queues.ts'
import * as records from '../../store/records.ts'
import * as waiting from '../../store/waiting.ts'
import { applySnapshots } from '../apply.ts'
import type { ApplyContext } from '../batch.ts'
import { mustSend } from '../merge/field.ts'
import { outward } from '../references.ts'
import { columnsOf, type Runtime } from '../runtime.ts'
import { acknowledge } from './answers.ts'
import { type Following, hasAssociations } from './associations.ts'
import { renderFields } from './render.ts'
import { commit, type Planned, send, type Target, type Work, withoutAssociations } from './work.ts'

/** Rows to be changed, with their intents: link -> write. */
export interface PreparedUpdates {
  ready: Planned[]
  ids: Map<string, number>
  /** Not sent any more after this: what was decided is too old by then. */
  sendBy: number
}

/**
 * Writes one batch of changed records. Answers the rows of which associations are still to be written.
 *
 * @param ctx drawn before `associations` were read.
 * @param associations association columns, of the rows and for the fields that have some to send.
 */
export async function updateBatch(
  work: Work,
  mapping: CompiledMapping,
  targets: Target[],
  ctx: ApplyContext,
  associations: ReadonlyMap<string, RawRow>,
): Promise<Following[]> {
  const { rt } = work
  // Read what stands there now, and merge it: nobody's edit is overwritten unseen.
  const read = await rt.connector.readByIds({
    object: mapping.object,
    ids: targets.map((t) => t.link.externalId!),
    columns: columnsOf(rt, mapping.object),
  })
  const snapshots = read.map((s) => ({ ...s, row: { ...s.row, ...associations.get(s.id) } }))
  const { ready, ids, sendBy } = await commit(work, (tx) => prepareUpdates(tx, work, mapping, targets, ctx, snapshots))
  if (ready.length === 0) return []
  const plain = ready.filter((p) => Object.keys(withoutAssociations(p.row)).length > 0)
  const unmodifiedSince = plain.length === 1 ? conditionFor(rt, snapshots, plain[0]!) : undefined
  const outcomes = new Map<Planned, Outcome>(ready.map((p) => [p, { ok: true, id: p.link.externalId! }]))
  if (plain.length > 0) {
    const results = await send(work, ids, () =>
      rt.connector.update({
        object: mapping.object,
        sendBy,
        rows: plain.map((p) => ({ id: p.link.externalId!, row: withoutAssociations(p.row), unmodifiedSince })),
      }),
    )
    for (const [i, r] of results.entries()) outcomes.set(plain[i]!, r)
  }
  // Associations of all batches go out together; a row is answered for when all of it has been.
  const apart = (p: Planned) => outcomes.get(p)!.ok && hasAssociations(p)
  const whole = ready.filter((p) => !apart(p))
  await acknowledge(
    work,
    mapping,
    whole,
    ids,
    whole.map((p) => outcomes.get(p)!),
    'update',
  )
  return ready.filter(apart).map((p) => ({ planned: p, writeId: ids.get(p.link.id)!, outcome: outcomes.get(p)! }))
}

/** Stamps are whole seconds: only within one that was over when the row was read, some time before its answer, can nobody have come after. */
const PAST_SECOND_MS = 5_000

/** Since when a single row must not have been changed, where the CRM can see to that. */
export function conditionFor(rt: Runtime, snapshots: Snapshot[], planned: Planned): number | undefined {
  const read = snapshots.find((s) => s.id === planned.link.externalId)
  return rt.connector.conditional && read && read.clock - read.version >= PAST_SECOND_MS ? read.version : undefined
}

/**
 * Merges what stands there now and decides what is written over it; stores the intents. Nothing is written over a value
 * that was not read.
 */
export async function prepareUpdates(
  tx: Tx,
  work: Work,
  mapping: CompiledMapping,
  targets: Target[],
  ctx: ApplyContext,
  snapshots: Snapshot[],
): Promise<PreparedUpdates> {
  const { engine, rt } = work
  const sendBy = Date.now() + engine.timing.sendBy
  const byId = new Map(snapshots.map((s) => [s.id, s]))
  const { putBack } = await applySnapshots(tx, ctx, mapping.object, snapshots)
  const fresh = await links.lockLinks(
    tx,
    targets.map((t) => t.link.id),
    ctx.ticket,
  )
  const recordsById = new Map(
    (
      await records.readRecords(
        tx,
        fresh.map((l) => l.recordId).filter((r) => r !== null),
      )
    ).map((r) => [r.id, r]),
  )
  const frozen = Map.groupBy(await conflicts.openConflicts(tx, [...recordsById.keys()]), (c) => c.recordId)
  const letters = await conflicts.deadLettersOf(
    tx,
    fresh.map((l) => l.id),
  )
  const dead = new Map(letters.map((d) => [`${d.linkId} ${d.field}`, d.value]))
  const linkById = new Map(fresh.map((l) => [l.id, l]))
  const usable = targets.flatMap((t) => {
    const link = linkById.get(t.link.id)
    const record = link?.recordId ? recordsById.get(link.recordId) : undefined
    const snapshot = byId.get(t.link.externalId!)
    if (
      !link ||
      !record ||
      link.state !== 'live' ||
      record.deleted ||
      record.frozen ||
      link.openWrite !== null ||
      !snapshot ||
      snapshot.deleted ||
      putBack.has(snapshot.id)
    )
      return []
    return [
      {
        target: { link, record, outbox: t.outbox },
        base: link.base,
        current: snapshot.row,
        frozen: new Set((frozen.get(record.id) ?? []).map((c) => c.field)),
      },
    ]
  })
  const references = await outward(
    tx,
    rt,
    mapping,
    usable.map((u) => u.target.record),
  )
  const rendered = await renderFields(work, mapping, usable, references, dead)
  await conflicts.putDeadLetters(tx, rt.id, rendered.letters)
  await conflicts.putFindings(tx, rt.id, rendered.findings)
  await waiting.addWaitingOut(tx, rt.id, rendered.waits)
  // A value that went through, or is no more wanted, is no dead letter any more.
  const stale = letters.filter((d) => {
    const u = usable.find((x) => x.target.link.id === d.linkId)
    return (
      u &&
      !rendered.letters.some((l) => l.linkId === d.linkId && l.field === d.field) &&
      !same(u.target.record.fields[d.field]?.v ?? null, d.value as Json)
    )
  })
  await conflicts.dropDeadLetters(
    tx,
    stale.map((d) => d.id),
  )
  const ready = rendered.planned.filter((p) => Object.keys(p.fields).length > 0)
  const idle = usable.filter((u) => !ready.some((p) => p.link.id === u.target.link.id)).map((u) => u.target.outbox)
  await queues.finishOutbox(tx, idle)
  const unusable = targets.filter((t) => !usable.some((u) => u.target.link.id === t.link.id))
  const gone = unusable.filter((t) => {
    const l = linkById.get(t.link.id)
    return l?.state !== 'live'
  })
  await queues.finishOutbox(
    tx,
    gone.map((t) => t.outbox),
  )
  await queues.deferOutbox(
    tx,
    unusable.filter((t) => !gone.includes(t)).map((t) => t.link.id),
    1_000,
    { longer: true },
  )
  const ids = await intents.insertWrites(
    tx,
    rt.id,
    randomUUID(),
    work.runId,
    ready.map((p) => ({
      linkId: p.link.id,
      recordId: p.record.id,
      kind: 'update',
      fields: p.fields,
      readVersion: byId.get(p.link.externalId!)!.version,
      readClock: byId.get(p.link.externalId!)!.clock,
    })),
    work.watching,
  )
  return { ready, ids, sendBy }
}

/** Associations are read only for records that have some to send, a thousand a call. */
export async function readWanted(rt: Runtime, mapping: CompiledMapping, updates: Target[]): Promise<Map<string, RawRow>> {
  const found = new Map<string, RawRow>()
  if (!rt.connector.associationsApart) return found
  const fields = mapping.fields.filter((f) => f.writes && isAssociationColumn(f.column))
  const wants = (t: Target) => fields.filter((f) => mustSend(t.record.fields[f.name], t.link.base[f.name]))
  const wanting = updates.filter((t) => wants(t).length > 0)
  const columns = [...new Set(wanting.flatMap((t) => wants(t).map((f) => f.column)))]
  for (const piece of chunks(wanting, rt.connector.batch.associations))
    for (const [id, row] of await rt.connector.readAssociations({
      object: mapping.object,
      ids: piece.map((t) => t.link.externalId!),
      columns,
    }))
      found.set(id, row)
  return found
}
