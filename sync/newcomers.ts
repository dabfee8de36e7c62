import { randomUUID, randomUUIDv7 } from 'node:crypto'
import { ruleEntry } from '../mappings/identity.ts'
import { type FieldState, isOwnRow, type LinkRow, type RecordRow, type WriteRow } from '../mappings/state.ts'
import type { Tx } from '../store/database.ts'
import * as intents from '../store/intents.ts'
import * as links from '../store/links.ts'
import * as records from '../store/records.ts'
import type { ApplyContext, Batch, Item } from './batch.ts'
import { decisionsFor, type Said, saidOf } from './candidates.ts'
import { takeOver } from './departures.ts'
import { merge } from './merging.ts'
import { keysOf } from './reading.ts'
import { mappingOf } from './runtime.ts'
import { settle } from './settle.ts'

/** Finds out what rows without a link are: ours come back, the twin of a record, or something new. */
export async function linkNewcomers(
  tx: Tx,
  ctx: ApplyContext,
  batch: Batch,
  object: string,
  items: Item[],
  former: ReadonlyMap<string, LinkRow[]>,
): Promise<void> {
  if (items.length === 0) return
  const said = await saidOf(
    tx,
    ctx,
    object,
    items.map((i) => i.snapshot.id),
  )
  const rest = ctx.alone ? items : await bindOwn(tx, ctx, batch, object, items, said)
  for (const item of rest) batch.keys.set(item.snapshot.id, keysOf(item.mapping, item.snapshot.id, item.reading))
  if (ctx.alone) {
    for (const item of rest) makeRecord(ctx, batch, object, item)
    return
  }
  const { decisions, creating } = await decisionsFor(tx, ctx, batch, rest, said)
  const wanted = [...decisions.values()].flatMap((d) => ('link' in d ? [d.link] : []))
  const underWay = await intents.openWrites(tx, [...creating.values()])
  const locked = new Map((await records.lockRecords(tx, [...new Set(wanted)].sort())).map((r) => [r.id, r]))
  for (const item of rest) {
    const decision = decisions.get(item.snapshot.id)!
    if ('fresh' in decision && waitsForIdentity(item)) wait(batch, object, item)
    else if ('fresh' in decision) {
      const id = makeRecord(ctx, batch, object, item)
      await takeOver(tx, ctx, item, id, former.get(item.snapshot.id) ?? [])
      await askForSameRow(tx, ctx, batch, item, id, former.get(item.snapshot.id) ?? [])
    } else if ('second' in decision) listSecond(batch, ctx, object, item, decision.second)
    else if ('review' in decision) hold(batch, ctx, object, item, [...new Set(decision.review)], decision.reason)
    else if (underWay.has(creating.get(decision.link) ?? '')) {
      // A row of its own is being made for that record: what came of it decides.
      batch.counts.putBack++
      batch.putBack.push({
        object,
        externalId: item.snapshot.id,
        reason: 'its record is just being created here',
        delayMs: 1_000,
      })
    } else {
      bind(batch, ctx, object, item, locked.get(decision.link)!, creating.get(decision.link))
      await takeOver(tx, ctx, item, decision.link, former.get(item.snapshot.id) ?? [])
    }
  }
}

/** Rows that carry the id of one of our records: a create whose answer was lost, a clone, a revenant. */
async function bindOwn(tx: Tx, ctx: ApplyContext, batch: Batch, object: string, items: Item[], said: Said): Promise<Item[]> {
  const keyOf = (item: Item) => {
    const column = item.mapping.document.externalId
    const value = column ? item.snapshot.row[column] : undefined
    return typeof value === 'string' && /^[0-9a-f-]{36}$/.test(value) ? value : undefined
  }
  const keyed = items.filter((i) => keyOf(i))
  if (keyed.length === 0) return items
  const found = new Map((await records.lockRecords(tx, [...new Set(keyed.map((i) => keyOf(i)!))].sort())).map((r) => [r.id, r]))
  const all = await links.linksOfRecords(tx, [...found.keys()])
  const own = new Map(all.filter((l) => l.connectionId === ctx.rt.id && isOwnRow(l)).map((l) => [l.recordId!, l]))
  const open = [...own.values()].flatMap((l) => (l.state === 'creating' && l.openWrite !== null ? [l.openWrite] : []))
  const writes = new Map((await intents.readWrites(tx, open)).map((w) => [w.id, w]))
  const rest: Item[] = []
  for (const item of items) {
    const record = found.get(keyOf(item) ?? '')
    const link = record && own.get(record.id)
    if (!record || record.entity !== item.mapping.entity) rest.push(item)
    // A person has said whose row it is, whatever id it carries.
    else if (said.same(item.snapshot.id) !== undefined || said.different(item.snapshot.id, record.id)) rest.push(item)
    else if (record.deleted) hold(batch, ctx, object, item, [record.id], 'it carries the id of a record that was deleted')
    else if (!link || link.state === 'creating') {
      bind(batch, ctx, object, item, record, link, writes.get(link?.openWrite ?? -1))
      own.set(record.id, { ...(link ?? ({} as LinkRow)), state: 'live' })
    } else hold(batch, ctx, object, item, [record.id], 'it carries the id of a record that is linked to another row: a clone')
  }
  return rest
}

/** Whether a rule of identity could not be asked yet: it needs a parent that is not linked. */
function waitsForIdentity({ mapping, reading }: Item): boolean {
  return mapping.document.identity.some((rule) => rule.some((entry) => 'waitsFor' in (reading.get(ruleEntry(entry).field) ?? {})))
}

/** Before its parent is known nobody can tell whether a row is new: made a record, it could become a twin. */
function wait(batch: Batch, object: string, { reading, snapshot }: Item): void {
  for (const r of reading.values())
    if ('waitsFor' in r) batch.waiting.push({ waitsFor: r.waitsFor, object, externalId: snapshot.id })
}

/** A row that matches nothing becomes a record of its own. */
function makeRecord(ctx: ApplyContext, batch: Batch, object: string, item: Item): string {
  const { rt } = ctx
  const { snapshot, mapping, reading } = item
  const id = randomUUIDv7()
  const fields: Record<string, FieldState> = {}
  const base: links.NewLink['base'] = {}
  for (const [name, r] of reading) {
    if ('waitsFor' in r) batch.waiting.push({ waitsFor: r.waitsFor, object, externalId: snapshot.id })
    else if ('problem' in r)
      batch.finding('unmapped_value', `${mapping.entity}.${name}: ${r.problem}`, `${object} ${snapshot.id}: ${r.problem}`)
    else if (r.value === null) base[name] = { c: null, r: r.raw, n: 0 }
    else {
      fields[name] = { v: r.value, n: 1, o: rt.id, t: [0, snapshot.version] }
      base[name] = { c: r.value, r: r.raw, n: 1 }
    }
  }
  batch.counts.created++
  batch.newRecords.push({ id, entity: mapping.entity, fields })
  batch.addLink({
    id: randomUUIDv7(),
    connectionId: rt.id,
    object,
    entity: mapping.entity,
    externalId: snapshot.id,
    recordId: id,
    state: 'live',
    base,
    seen: snapshot.version,
  })
  batch.journal.push({
    recordId: id,
    connectionId: rt.id,
    runId: ctx.runId,
    kind: 'create',
    origin: rt.id,
    version: 1,
    fields: Object.fromEntries(Object.entries(fields).map(([n, f]) => [n, [null, f.v]])),
  })
  batch.linkedExternal.push(snapshot.id)
  return id
}

/**
 * A row that became another entity (an account a partner) has left a row in the other CRM that is still the former one.
 * A new row there would be its twin: a person makes that one the same, and it links, or decides otherwise.
 */
async function askForSameRow(tx: Tx, ctx: ApplyContext, batch: Batch, item: Item, id: string, former: LinkRow[]): Promise<void> {
  const recordIds = former.map((l) => l.recordId).filter((r) => r !== null)
  for (const l of await links.linksOfRecords(tx, recordIds)) {
    const there = ctx.all.find((rt) => rt.id === l.connectionId && rt.id !== ctx.rt.id)
    if (!there || l.externalId === null || (l.state !== 'live' && l.state !== 'outside')) continue
    if (mappingOf(there, item.mapping.entity)?.object !== l.object) continue
    batch.matches.push({
      id: randomUUID(),
      connectionId: there.id,
      entity: item.mapping.entity,
      object: l.object,
      externalId: l.externalId,
      recordIds: [id],
      reason: `it became ${aOrAn(item.mapping.entity)} in ${ctx.rt.name} and is still ${aOrAn(l.entity)} in ${there.name}: make it one there too`,
    })
  }
}

const aOrAn = (word: string) => `${/^[aeiou]/.test(word) ? 'an' : 'a'} ${word}`

/**
 * Links a row to a record and merges the two for the first time.
 *
 * @param write our create of the row, whose answer was lost: what the row holds besides is the CRM's own.
 */
function bind(
  batch: Batch,
  ctx: ApplyContext,
  object: string,
  item: Item,
  record: RecordRow,
  creating: LinkRow | string | undefined,
  write?: WriteRow,
): void {
  const { rt } = ctx
  const { snapshot, mapping } = item
  const linkId = typeof creating === 'string' ? creating : (creating?.id ?? randomUUIDv7())
  const link: LinkRow = {
    id: linkId,
    connectionId: rt.id,
    object,
    entity: mapping.entity,
    externalId: snapshot.id,
    recordId: record.id,
    state: 'live',
    base: write ? settle({ ...write, state: 'acknowledged' }, record.fields, item, ctx).base : {},
    rev: 0,
    seen: 0,
    wrote: 0,
    openWrite: null,
  }
  if (creating)
    batch.changeLink({
      id: linkId,
      externalId: snapshot.id,
      recordId: record.id,
      state: 'live',
      base: link.base,
      seen: snapshot.version,
    })
  else batch.addLink({ ...link, seen: snapshot.version })
  if (creating) batch.closed.push(linkId)
  batch.counts.linked++
  batch.matched.push(snapshot.id)
  batch.journal.push({
    recordId: record.id,
    connectionId: rt.id,
    runId: ctx.runId,
    kind: 'link',
    origin: rt.id,
    version: record.version,
    fields: {},
  })
  batch.linkedExternal.push(snapshot.id)
  merge(batch, ctx, link, record, item, [], true)
}

/** A second row of a record: listed, never written. */
const listSecond = (batch: Batch, ctx: ApplyContext, object: string, item: Item, recordId: string): void =>
  setAside(batch, ctx, object, item, { recordId, state: 'duplicate' })

/** Ambiguous: listed for a person, and left alone. */
function hold(batch: Batch, ctx: ApplyContext, object: string, item: Item, recordIds: string[], reason: string): void {
  setAside(batch, ctx, object, item, { recordId: null, state: 'held', heldReason: reason })
  batch.matches.push({
    id: randomUUID(),
    connectionId: ctx.rt.id,
    entity: item.mapping.entity,
    object,
    externalId: item.snapshot.id,
    recordIds,
    reason,
  })
}

/** A link through which nothing flows. */
function setAside(
  batch: Batch,
  ctx: ApplyContext,
  object: string,
  { snapshot, mapping }: Item,
  as: Pick<links.NewLink, 'recordId' | 'state' | 'heldReason'>,
): void {
  batch.counts.review++
  batch.addLink({
    id: randomUUIDv7(),
    connectionId: ctx.rt.id,
    object,
    entity: mapping.entity,
    externalId: snapshot.id,
    base: {},
    seen: snapshot.version,
    ...as,
  })
}
