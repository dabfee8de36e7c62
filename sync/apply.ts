import { randomUUID } from 'node:crypto'
import type { Snapshot } from '../connectors/connector.ts'
import type { CompiledMapping } from '../mappings/compile.ts'
import type { ReferenceResolver } from '../mappings/context.ts'
import { identityKeys, ruleEntry } from '../mappings/identity.ts'
import { type CanonicalRow, readRows } from '../mappings/lens.ts'
import type { Entity } from '../mappings/model/model.ts'
import type { Value } from '../mappings/model/value.ts'
import type { Base, ConflictRow, FieldState, Interval, LinkRow, RecordRow, WriteRow } from '../mappings/state.ts'
import * as conflicts from '../store/conflicts.ts'
import type { Tx } from '../store/database.ts'
import * as identity from '../store/identity.ts'
import * as links from '../store/links.ts'
import * as queues from '../store/queues.ts'
import * as records from '../store/records.ts'
import { deleted, redirectMerges } from './departures.ts'
import { mustSend } from './merge/field.ts'
import { mergeRecord, type RecordMerge } from './merge/record.ts'
import { linkNewcomers } from './newcomers.ts'
import { inward } from './references.ts'
import { classify, lensContext, namesOf, type Runtime } from './runtime.ts'
import { settle } from './settle.ts'

/** What a batch of reads is applied under. */
export interface ApplyContext {
  rt: Runtime
  all: readonly Runtime[]
  runId: string | null
  /** Drawn before the request: links that changed since refuse the read. */
  ticket: string
  /** Database time at which the read began. */
  began: number
  /** Database time now. */
  now: number
  /** How long a request may still take effect after it was sent. */
  flightMs: number
  /** The connection's first complete list, and no other connection has rows yet: nothing can match. */
  alone?: boolean
  /** The rows' natural keys were stored when they were staged. */
  keysStored?: boolean
  /** Links that are being pushed right now: what they still have to send is looked at by the push itself. */
  pushing?: ReadonlySet<string>
  /** External ids that a read of this turn showed alive. */
  standing?: ReadonlySet<string>
  /** Connections that take creating links for new records at once (their own first list is done). */
  ready: ReadonlySet<string>
}

export interface Counts {
  read: number
  created: number
  linked: number
  updated: number
  conflicts: number
  overruled: number
  review: number
  deleted: number
  outside: number
  putBack: number
}
export const noCounts = (): Counts => ({
  read: 0,
  created: 0,
  linked: 0,
  updated: 0,
  conflicts: 0,
  overruled: 0,
  review: 0,
  deleted: 0,
  outside: 0,
  putBack: 0,
})

/** A row together with what it means. */
export interface Item {
  snapshot: Snapshot
  mapping: CompiledMapping
  reading: CanonicalRow
}

/** Everything a batch changes, gathered and then written set by set. */
export class Batch {
  readonly counts = noCounts()
  readonly recordChanges = new Map<string, Record<string, FieldState>>()
  readonly newRecords: { id: string; entity: Entity; fields: Record<string, FieldState> }[] = []
  readonly #linkChanges: links.LinkChange[] = []
  readonly #newLinks = new Map<string, links.NewLink>()
  readonly journal: records.ChangeRow[] = []
  readonly opened: ConflictRow[] = []
  readonly observed: ConflictRow[] = []
  readonly settledConflicts: string[] = []
  readonly answers: { id: number; state: WriteRow['state'] }[] = []
  readonly putBack: { object: string; externalId: string; reason: string; delayMs: number }[] = []
  readonly waiting: { waitsFor: string; object: string; externalId: string }[] = []
  readonly keys = new Map<string, identity.KeyRow[]>()
  readonly matches: identity.NewMatch[] = []
  readonly ownOutbox: string[] = []
  readonly linkedExternal: string[] = []
  readonly findings = new Map<string, conflicts.Finding>()

  addLink(link: links.NewLink): void {
    this.#newLinks.set(link.id, link)
  }

  /** Changes a link; one that is new in this batch is simply inserted as it is to be. */
  changeLink(change: links.LinkChange): void {
    const fresh = this.#newLinks.get(change.id)
    if (!fresh) {
      this.#linkChanges.push(change)
      return
    }
    fresh.base = { ...fresh.base, ...change.base }
    fresh.seen = Math.max(fresh.seen, change.seen ?? 0)
    fresh.state = change.state ?? fresh.state
  }

  finding(code: string, subject: string, message: string): void {
    const key = `${code} ${subject}`
    const found = this.findings.get(key)
    if (found) found.count++
    else this.findings.set(key, { code, subject, message, count: 1 })
  }

  async write(tx: Tx, ctx: ApplyContext, object: string): Promise<void> {
    const { rt } = ctx
    await records.insertRecords(tx, this.newRecords)
    await records.updateRecords(
      tx,
      [...this.recordChanges].map(([id, fields]) => ({ id, fields })),
    )
    await links.insertLinks(tx, [...this.#newLinks.values()])
    await links.updateLinks(tx, this.#linkChanges)
    await records.appendChanges(tx, this.journal)
    await conflicts.insertConflicts(tx, this.opened)
    await conflicts.updateConflicts(tx, this.observed)
    await conflicts.settleConflicts(tx, this.settledConflicts, 'all sides agree')
    await links.answerWrites(tx, this.answers)
    if (!ctx.keysStored)
      await identity.putKeys(tx, rt.id, object, [...this.keys.keys()], [...this.keys.values()].flat(), ctx.alone ?? false)
    await identity.insertMatches(tx, rt.id, this.matches)
    await conflicts.putFindings(tx, rt.id, [...this.findings.values()])
    const created = this.newRecords.map((r) => r.id)
    await queues.touchOutbox(tx, [...this.recordChanges.keys()], rt.id)
    await queues.touchOutboxLinks(tx, this.ownOutbox)
    await queues.addWaiting(tx, rt.id, this.waiting)
    if (!ctx.alone) await queues.wakeWaiting(tx, rt.id, this.linkedExternal)
    for (const reason of new Set(this.putBack.map((p) => p.reason))) {
      const of = this.putBack.filter((p) => p.reason === reason)
      await queues.touchInbox(tx, rt.id, of, reason, Math.max(...of.map((p) => p.delayMs)))
    }
    for (const other of ctx.all) {
      if (other.id === rt.id || !ctx.ready.has(other.id) || created.length === 0) continue
      for (const entity of new Set(this.newRecords.map((r) => r.entity))) {
        const mapping = other.mappings.find((m) => m.entity === entity)
        if (mapping?.document.write && mapping.document.externalId)
          await links.fanOut(
            tx,
            other.id,
            mapping.object,
            entity,
            this.newRecords.filter((r) => r.entity === entity).map((r) => r.id),
          )
      }
    }
  }
}

export interface Applied {
  counts: Counts
  /** Rows that were not merged: they are read again. */
  putBack: ReadonlySet<string>
}

/**
 * Applies reads of one object's rows: merges each into its record, or finds out what a new row is. One
 * transaction; the caller holds the lane's fence. (Protocol: Apply.)
 */
export async function applySnapshots(tx: Tx, ctx: ApplyContext, object: string, snapshots: Snapshot[]): Promise<Applied> {
  const { rt } = ctx
  const batch = new Batch()
  const unique = [...new Map(snapshots.map((s) => [s.id, s])).values()]
  batch.counts.read = unique.length
  const rest = await redirectMerges(tx, ctx, batch, object, unique)
  const found = ctx.alone
    ? []
    : await links.lockLinksByExternal(
        tx,
        rt.id,
        object,
        rest.map((s) => s.id),
        ctx.ticket,
      )
  const byExternal = new Map(found.map((l) => [l.externalId!, l]))
  const recordIds = [...new Set(found.map((l) => l.recordId).filter((id) => id !== null))].sort()
  const byRecord = new Map((await records.lockRecords(tx, recordIds)).map((r) => [r.id, r]))
  const open = Map.groupBy(await conflicts.openConflicts(tx, recordIds), (c) => c.recordId)
  const writes = new Map(
    (
      await links.readWrites(
        tx,
        found.map((l) => l.openWrite).filter((w) => w !== null),
      )
    ).map((w) => [w.id, w]),
  )
  const references = await inward(tx, rt, object, rest)
  const items = await interpret(rt, object, rest, references)
  const blanked = await blankedReferences(tx, ctx, items, byExternal)
  const newcomers: Item[] = []
  const back = (id: string, reason: string, delayMs = 0) => {
    batch.counts.putBack++
    batch.putBack.push({ object, externalId: id, reason, delayMs })
  }

  for (const snapshot of rest) {
    const link = byExternal.get(snapshot.id)
    const item = items.get(snapshot.id)
    if (!link) {
      if (item && !snapshot.deleted) newcomers.push(item)
      continue
    }
    if (link.changedSince) {
      back(snapshot.id, 'its link changed while it was read')
      continue
    }
    // A stale replica answered. Never for Salesforce: there a late commit carries an older stamp.
    if (rt.kind === 'hubspot' && !snapshot.deleted && snapshot.version < Math.max(link.seen, link.wrote)) {
      back(snapshot.id, 'an older version was read', 1_000)
      continue
    }
    if (link.state === 'dead' || link.state === 'duplicate' || link.recordId === null) continue
    const record = byRecord.get(link.recordId)
    if (!record) continue
    if (snapshot.deleted) {
      await deleted(tx, ctx, batch, link, record, open.get(record.id) ?? [])
      continue
    }
    // Nothing is merged into such a record; a write of ours to it is settled all the same.
    const still = record.deleted || record.frozen !== null
    if (still && (!item || link.openWrite === null)) continue
    if (!item || item.mapping.entity !== link.entity) {
      leave(batch, ctx, link)
      continue
    }
    const write = link.openWrite === null ? undefined : writes.get(link.openWrite)
    if (blanked.doubtful.has(snapshot.id)) {
      back(snapshot.id, 'what it pointed at is read first')
      continue
    }
    const blank = blanked.bases.get(link.id)
    let base = { ...link.base, ...blank }
    if (blank) batch.changeLink({ id: link.id, base: blank })
    if (write) {
      const settled = settle(write, record.fields, item, ctx)
      if (settled.wait !== undefined) {
        back(snapshot.id, 'a write of ours is still open', settled.wait)
        continue
      }
      base = { ...base, ...settled.base }
      batch.answers.push({ id: write.id, state: settled.landed ? 'settled' : 'refused' })
      batch.changeLink({ id: link.id, base: settled.base, openWrite: null })
      for (const c of settled.uncertain) openConflict(batch, record.id, c)
      if (Object.keys(settled.adjusted).length > 0)
        batch.journal.push({
          recordId: record.id,
          connectionId: rt.id,
          runId: ctx.runId,
          kind: 'adjusted',
          origin: rt.id,
          version: record.version,
          fields: settled.adjusted,
        })
      if (!settled.landed) batch.ownOutbox.push(link.id)
    }
    if (!still) merge(batch, ctx, { ...link, base }, record, item, open.get(record.id) ?? [])
  }
  await queues.touchInbox(tx, rt.id, blanked.targets, 'a reference to it was blanked')
  await linkNewcomers(tx, ctx, batch, object, newcomers)
  await batch.write(tx, ctx, object)
  return { counts: batch.counts, putBack: new Set(batch.putBack.map((p) => p.externalId)) }
}

/** References that are blank now and were not when we last saw them, sorted by what became of their target. */
interface Blanked {
  /** Link -> the base that stands for "the CRM blanked it, because its target went". */
  bases: Map<string, Base>
  /** Rows whose reference points at something that may have gone a moment ago: it is to be read first. */
  doubtful: Set<string>
  targets: { object: string; externalId: string }[]
}

/**
 * A reference that the CRM blanked by itself, because the row it pointed at went, is no person's clear: its base
 * becomes blank, so that it is sent again when its target comes back. A person's clear is one whose target is
 * known to stand, by a read of the same turn.
 */
async function blankedReferences(
  tx: Tx,
  ctx: ApplyContext,
  items: Map<string, Item>,
  byExternal: Map<string, LinkRow>,
): Promise<Blanked> {
  const found = [...items.values()].flatMap((item) => {
    const link = byExternal.get(item.snapshot.id)
    if (!link) return []
    return item.mapping.fields.flatMap((f) => {
      const [now, before] = [item.reading.get(f.name), link.base[f.name]?.c]
      if (f.type !== 'reference' || !now || !('value' in now) || now.value !== null || typeof before !== 'string') return []
      return [{ link: link.id, row: item.snapshot.id, field: f.name, target: before, raw: now.raw }]
    })
  })
  const standing = new Map(
    (await links.standingOn(tx, ctx.rt.id, [...new Set(found.map((f) => f.target))])).map((s) => [s.recordId, s]),
  )
  const out: Blanked = { bases: new Map(), doubtful: new Set(), targets: [] }
  for (const { link, row, field, target, raw } of found) {
    const at = standing.get(target)
    if (!at) out.bases.set(link, { ...out.bases.get(link), [field]: { c: null, r: raw, n: 0 } })
    else if (!ctx.standing?.has(at.externalId)) {
      out.doubtful.add(row)
      out.targets.push(at)
    }
  }
  return out
}

/** Merges one reading into its record and link, in memory and into the batch. */
export function merge(
  batch: Batch,
  ctx: ApplyContext,
  link: LinkRow,
  record: RecordRow,
  item: Item,
  open: ConflictRow[],
  firstLink = false,
): void {
  const { rt } = ctx
  const { snapshot, mapping } = item
  const at: Interval = [link.seen, snapshot.version]
  const result = mergeRecord({
    mapping,
    hub: record.fields,
    base: link.base,
    reading: item.reading,
    conflicts: new Map(open.map((c) => [c.field, c])),
    origin: rt.id,
    at,
    firstLink:
      typeof mapping.document.firstLink === 'string' ? mapping.document.firstLink : { source: mapping.document.firstLink.source },
    namesOf: namesOf(ctx.all),
  })
  note(batch, ctx, record, item, result, firstLink)
  const base: Base = { ...link.base, ...result.base }
  const moved = Object.keys(result.base).length > 0
  if (moved || snapshot.version > link.seen || link.state === 'outside')
    batch.changeLink({
      id: link.id,
      base: result.base,
      seen: snapshot.version,
      ...(link.state === 'outside' && { state: 'live' as const }),
    })
  const frozen = new Set([...open.map((c) => c.field), ...result.opened.map((c) => c.field)])
  const sends = mapping.fields.some((f) => f.writes && !frozen.has(f.name) && mustSend(record.fields[f.name], base[f.name]))
  if (sends && !ctx.pushing?.has(link.id)) batch.ownOutbox.push(link.id)
  if (mapping.document.identity.length > 0 && (firstLink || Object.keys(result.fields).some((f) => isIdentityField(mapping, f))))
    batch.keys.set(snapshot.id, keysOf(mapping, snapshot.id, item.reading))
}

/** Puts the results of a merge into the batch: fields, journal, conflicts, findings. */
function note(batch: Batch, ctx: ApplyContext, record: RecordRow, item: Item, result: RecordMerge, firstLink: boolean): void {
  const { rt } = ctx
  const accepted = Object.entries(result.fields)
  if (accepted.length > 0) {
    const fields = Object.fromEntries(
      accepted.map(([name, f]) => [name, [record.fields[name]?.v ?? null, f.v] as [Value, Value]]),
    )
    batch.journal.push({
      recordId: record.id,
      connectionId: rt.id,
      runId: ctx.runId,
      kind: 'update',
      origin: rt.id,
      version: record.version + 1,
      fields,
    })
    record.fields = { ...record.fields, ...result.fields }
    record.version++
    batch.recordChanges.set(record.id, { ...batch.recordChanges.get(record.id), ...result.fields })
    if (!firstLink) batch.counts.updated++
  }
  if (result.overruled.length > 0) {
    batch.counts.overruled += result.overruled.length
    batch.journal.push({
      recordId: record.id,
      connectionId: rt.id,
      runId: ctx.runId,
      kind: 'overruled',
      origin: rt.id,
      version: record.version,
      fields: Object.fromEntries(result.overruled.map((o) => [o.field, [o.lost, o.kept]])),
    })
  }
  for (const c of result.opened) openConflict(batch, record.id, c)
  batch.observed.push(...result.observed)
  batch.settledConflicts.push(...result.settled)
  for (const p of result.problems)
    batch.finding(
      'unmapped_value',
      `${item.mapping.entity}.${p.field}: ${p.message}`,
      `${item.mapping.object} ${item.snapshot.id}: ${p.message}`,
    )
  for (const waitsFor of result.waitsFor)
    batch.waiting.push({ waitsFor, object: item.mapping.object, externalId: item.snapshot.id })
}

function openConflict(batch: Batch, recordId: string, c: Omit<ConflictRow, 'id' | 'recordId'>): void {
  batch.counts.conflicts++
  batch.opened.push({ ...c, base: c.base ?? null, id: randomUUID(), recordId })
}

/**
 * A row that left its entity's filter, be it for none or for another entity: unlinked, never deleted. Its
 * bases are kept, so that it is merged against them when it comes back; as another entity it would be a twin.
 */
function leave(batch: Batch, ctx: ApplyContext, link: LinkRow): void {
  if (link.state === 'outside') return
  batch.counts.outside++
  batch.changeLink({ id: link.id, state: 'outside' })
  batch.journal.push({
    recordId: link.recordId!,
    connectionId: ctx.rt.id,
    runId: ctx.runId,
    kind: 'unlink',
    origin: ctx.rt.id,
    version: 0,
    fields: {},
  })
}

/** Classifies rows and reads them through their mapping. */
async function interpret(
  rt: Runtime,
  object: string,
  snapshots: Snapshot[],
  references: ReferenceResolver,
): Promise<Map<string, Item>> {
  const grouped = Map.groupBy(
    snapshots.filter((s) => !s.deleted),
    (s) => classify(rt, object, s.row),
  )
  const items = new Map<string, Item>()
  for (const [mapping, members] of grouped) {
    if (!mapping) continue
    const readings = await readRows(
      mapping,
      members.map((s) => s.row),
      lensContext(rt, mapping, references),
    )
    for (const [i, snapshot] of members.entries()) items.set(snapshot.id, { snapshot, mapping, reading: readings[i]! })
  }
  return items
}

const isIdentityField = (mapping: CompiledMapping, field: string) =>
  mapping.document.identity.some((rule) => rule.some((r) => ruleEntry(r).field === field))

/** The natural keys of a row. */
export function keysOf(mapping: CompiledMapping, externalId: string, reading: CanonicalRow): identity.KeyRow[] {
  const value = (field: string): Value | undefined => {
    const r = reading.get(field)
    return r && 'value' in r ? r.value : undefined
  }
  return identityKeys(mapping.entity, mapping.document.identity, value).map((k) => ({
    key: k.key,
    externalId,
    rank: k.rank,
  }))
}
