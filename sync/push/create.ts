import { randomUUID } from 'node:crypto'
import { chunks } from '../../connectors/connector.ts'
import { type CompiledMapping, isAssociationColumn } from '../../mappings/compile.ts'
import { identityKeys, ruleEntry } from '../../mappings/identity.ts'
import type { RawRow } from '../../mappings/schema.ts'
import * as conflicts from '../../store/conflicts.ts'
import type { Tx } from '../../store/database.ts'
import * as identity from '../../store/identity.ts'
import * as intents from '../../store/intents.ts'
import * as lanes from '../../store/lanes.ts'
import * as queues from '../../store/queues.ts'
import * as waiting from '../../store/waiting.ts'
import { outward } from '../references.ts'
import { acknowledge } from './answers.ts'
import type { Following } from './associations.ts'
import { renderFields } from './render.ts'
import { unite } from './unite.ts'
import { commit, demand, type Planned, send, type Target, type Work, withoutAssociations } from './work.ts'

/** Salesforce's child rows (contact roles) can only follow a create; HubSpot takes associations with the row. */
const follows = (work: Work, mapping: CompiledMapping, field: string): boolean =>
  !work.rt.connector.associationsApart && isAssociationColumn(mapping.byName.get(field)?.column ?? '')

/** Rows to be made, with their intents: link -> write. */
export interface PreparedCreates {
  ready: Planned[]
  ids: Map<string, number>
  /** Not sent any more after this: what was decided is too old by then. */
  sendBy: number
}

/**
 * Decides what of these is created now and stores its intents, for any number of batches at once. What follows a create
 * is marked as such, so that a crash in between loses none of it.
 */
export async function prepareCreates(tx: Tx, work: Work, mapping: CompiledMapping, targets: Target[]): Promise<PreparedCreates> {
  const { engine, rt } = work
  const sendBy = Date.now() + engine.timing.sendBy
  if (targets.length === 0) return { ready: [], ids: new Map(), sendBy }
  const objects = await lanes.readObjects(tx, rt.id)
  const done = objects[mapping.object]?.done ?? 0
  const hold = engine.timing.hold(rt, mapping.entity)
  // Not before this side has been read after the record came to be: its twin may stand there already.
  const early = targets.filter(
    (t) => t.link.openWrite === null && done < t.record.createdAt + (done === 0 ? Number.POSITIVE_INFINITY : hold),
  )
  const now = await lanes.databaseNow(tx)
  if (early.length > 0) {
    demand(work, mapping.object, true)
    work.counts.waiting += early.length
    await queues.deferOutbox(
      tx,
      early.map((t) => t.link.id),
      Math.max(200, Math.min(...early.map((t) => t.record.createdAt + hold)) - now),
    )
  }
  const open = targets.filter((t) => t.link.openWrite !== null)
  if (open.length > 0)
    await queues.deferOutbox(
      tx,
      open.map((t) => t.link.id),
      work.flightMs,
    )
  const notYet = new Set([...early, ...open])
  const ripe = targets.filter((t) => !notYet.has(t))
  const free = await withoutTwins(tx, work, mapping, ripe)
  const references = await outward(
    tx,
    rt,
    mapping,
    free.map((t) => t.record),
  )
  const dead = new Map(
    (
      await conflicts.deadLettersOf(
        tx,
        free.map((t) => t.link.id),
      )
    ).map((d) => [`${d.linkId} ${d.field}`, d.value]),
  )
  const rendered = await renderFields(
    work,
    mapping,
    free.map((target) => ({
      target,
      base: target.link.base,
      current: { ...(mapping.document.onCreate as RawRow) },
      frozen: new Set<string>(),
    })),
    references,
    dead,
  )
  const required = mapping.fields.filter((f) => mapping.schema.fields[f.column]?.required)
  const identity = new Set(mapping.document.identity.flat().map((entry) => ruleEntry(entry).field))
  // A child whose parent it is told apart by is not here yet waits for it: made without, it could be a twin.
  const orphans = new Set(rendered.waits.filter((w) => identity.has(w.field)).map((w) => w.linkId))
  const incomplete = rendered.planned.filter(
    (p) => orphans.has(p.link.id) || required.some((f) => !(f.name in p.fields) && !(f.column in mapping.document.onCreate)),
  )
  for (const p of incomplete) {
    // Waiting is no failure.
    if (rendered.waits.some((w) => w.linkId === p.link.id)) continue
    const field = required.find((f) => !(f.name in p.fields))!
    // A value that does not fit has been told already.
    if (rendered.letters.some((l) => l.linkId === p.link.id && l.field === field.name)) continue
    rendered.letters.push({
      id: randomUUID(),
      linkId: p.link.id,
      recordId: p.record.id,
      entity: mapping.entity,
      field: field.name,
      value: null,
      class: 'required',
      message: `${field.column} must be filled in for a new ${mapping.object} here, and the record has no ${field.name}`,
    })
  }
  const left = new Set(incomplete)
  const ready = rendered.planned.filter((p) => !left.has(p))
  await conflicts.putDeadLetters(tx, rt.id, rendered.letters)
  await conflicts.putFindings(tx, rt.id, rendered.findings)
  await waiting.addWaitingOut(tx, rt.id, rendered.waits)
  await queues.finishOutbox(
    tx,
    incomplete.map((p) => p.outbox),
  )
  const batch = randomUUID()
  const ids = await intents.insertWrites(
    tx,
    rt.id,
    batch,
    work.runId,
    ready.map((p) => ({
      linkId: p.link.id,
      recordId: p.record.id,
      kind: 'create',
      fields: Object.fromEntries(
        Object.entries(p.fields).map(([name, f]) => [name, follows(work, mapping, name) ? { ...f, later: true } : f]),
      ),
      readVersion: 0,
      readClock: 0,
    })),
  )
  return { ready, ids, sendBy }
}

/** Sends one batch of prepared creates; answers those of which something has to follow. */
export async function sendCreates(
  work: Work,
  mapping: CompiledMapping,
  { ready, ids, sendBy }: PreparedCreates,
): Promise<Following[]> {
  const { rt } = work
  const outcomes = await send(work, ids, () =>
    rt.connector.create({
      object: mapping.object,
      externalId: mapping.document.externalId!,
      sendBy,
      rows: ready.map((p) => ({
        key: p.record.id,
        row: {
          ...(mapping.document.onCreate as RawRow),
          ...(rt.connector.associationsApart ? p.row : withoutAssociations(p.row)),
        },
      })),
    }),
  )
  await acknowledge(work, mapping, ready, ids, outcomes, 'create')
  return ready.flatMap((p, i) => {
    const o = outcomes[i]!
    if (!o.ok || !Object.keys(p.fields).some((f) => follows(work, mapping, f))) return []
    return [{ planned: { ...p, link: { ...p.link, externalId: o.id } }, writeId: ids.get(p.link.id)!, outcome: o }]
  })
}

/**
 * Sends all prepared creates, batch by batch. Those that were not sent because a batch before them failed as a whole
 * are taken back: nothing of them is on its way.
 */
export async function sendAllCreates(
  work: Work,
  mapping: CompiledMapping,
  { ready, ids, sendBy }: PreparedCreates,
  concurrently: (tasks: (() => Promise<void>)[]) => Promise<void>,
): Promise<Following[]> {
  const { rt } = work
  const waiting = new Set(chunks(ready, rt.connector.batch.create))
  const following: Following[] = []
  const idsOf = (piece: Planned[]) => new Map(piece.map((p) => [p.link.id, ids.get(p.link.id)!]))
  try {
    await concurrently(
      [...waiting].map((piece) => async () => {
        // Too late to be sent: when it could land would be anybody's guess.
        if (Date.now() > sendBy) return
        waiting.delete(piece)
        following.push(...(await sendCreates(work, mapping, { ready: piece, ids: idsOf(piece), sendBy })))
      }),
    )
  } finally {
    if (waiting.size > 0)
      await commit(work, (tx) =>
        intents.refuseWrites(
          tx,
          [...waiting].flat().map((p) => ({ linkId: p.link.id, id: ids.get(p.link.id)!, error: NOT_SENT })),
        ),
      )
  }
  return following
}

export const NOT_SENT = { class: 'not_sent', message: 'the requests before it failed, or took too long; it is tried again' }

/**
 * Records whose natural key a row here holds are not created: an unlinked row is read, and binds or is reviewed; one
 * that came to be at the same moment, and has a record of its own, turns out to be the same thing.
 */
export async function withoutTwins(tx: Tx, work: Work, mapping: CompiledMapping, targets: Target[]): Promise<Target[]> {
  const { rt } = work
  const keysOfTarget = (t: Target) =>
    identityKeys(mapping.entity, mapping.document.identity, (f) => t.record.fields[f]?.v ?? null)
  const keys = new Map(targets.map((t) => [t, keysOfTarget(t)]))
  const all = [...new Set([...keys.values()].flat().map((k) => k.key))]
  const standing = Map.groupBy(await identity.rowsByKey(tx, all), (u) => u.key)
  const free: Target[] = []
  const held: Target[] = []
  /** Records that turned out to be another one, which is created in their place. */
  const gone = new Set<string>()
  const reread: { object: string; externalId: string }[] = []
  for (const t of targets) {
    const found = keys
      .get(t)!
      .filter((k) => k.near.length === 0)
      .flatMap((k) => standing.get(k.key) ?? [])
    const unlinked = found.filter((f) => f.linkId === null && f.connectionId === rt.id)
    const others = new Set(found.flatMap((f) => (f.state === 'live' && f.recordId !== t.record.id ? (f.recordId ?? []) : [])))
    if (unlinked.length > 0) {
      held.push(t)
      for (const u of unlinked) reread.push({ object: mapping.object, externalId: u.externalId })
    } else if (gone.has(t.record.id)) held.push(t)
    else {
      const other = others.size === 1 ? [...others][0] : undefined
      const outcome = other === undefined ? 'apart' : await unite(tx, work, t, other)
      if (outcome === 'united') gone.add(other!)
      if (outcome === 'apart') free.push(t)
      else held.push(t)
    }
  }
  if (held.length > 0) {
    await queues.touchInbox(tx, rt.id, reread, 'a record with the same natural key waits to be created')
    await queues.deferOutbox(
      tx,
      held.map((t) => t.link.id),
      1_000,
      { longer: true },
    )
    work.counts.waiting += held.length
  }
  return free
}
