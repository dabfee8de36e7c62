import { randomUUID } from 'node:crypto'
import type { CompiledMapping } from '../mappings/compile.ts'
import { ruleEntry } from '../mappings/identity.ts'
import type { Value } from '../mappings/model/value.ts'
import type { Base, ConflictRow, Interval, LinkRow, RecordRow } from '../mappings/state.ts'
import type { ApplyContext, Batch, Item } from './batch.ts'
import { mustSend } from './merge/field.ts'
import { mergeRecord, type RecordMerge } from './merge/record.ts'
import { keysOf } from './reading.ts'
import { namesOf } from './runtime.ts'

/** What a merge of one row comes to, put into the batch that stores it. */

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
    recent: batch.recent.get(record.id) ?? new Map(),
    now: ctx.now,
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
  if (mapping.document.identity.length > 0 && (firstLink || Object.keys(result.base).some((f) => isIdentityField(mapping, f))))
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

export function openConflict(batch: Batch, recordId: string, c: Omit<ConflictRow, 'id' | 'recordId'>): ConflictRow {
  batch.counts.conflicts++
  const conflict = { ...c, base: c.base ?? null, id: randomUUID(), recordId }
  batch.opened.push(conflict)
  return conflict
}

const isIdentityField = (mapping: CompiledMapping, field: string) =>
  mapping.document.identity.some((rule) => rule.some((r) => ruleEntry(r).field === field))
