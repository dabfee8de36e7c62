import { isNear, ruleEntry } from '../mappings/identity.ts'
import type { Value } from '../mappings/model/value.ts'
import { isOwnRow, type RecordRow } from '../mappings/state.ts'
import { answersOf } from '../store/answers.ts'
import type { Tx } from '../store/database.ts'
import * as identity from '../store/identity.ts'
import * as links from '../store/links.ts'
import * as records from '../store/records.ts'
import type { ApplyContext, Batch, Item } from './batch.ts'
import { type Decision, decide, LINKED_ELSEWHERE, type Pair } from './match/decide.ts'
import { mappingOf } from './runtime.ts'

/** Which records unlinked rows may be: pairs by what they share, and the decision about each row. */

/** Candidate pairs by equal keys, then the decision. */
export async function decisionsFor(tx: Tx, ctx: ApplyContext, batch: Batch, items: Item[], said: Said) {
  const keyRows = items.flatMap((i) => batch.keys.get(i.snapshot.id) ?? [])
  const keys = [...new Set(keyRows.map((k) => k.key))]
  const candidates = await identity.candidatesByKey(tx, ctx.rt.id, keys)
  const creating = new Map(candidates.filter((c) => c.takenState === 'creating' && c.linkId).map((c) => [c.recordId, c.linkId!]))
  const inBatch = new Set(items.map((i) => i.snapshot.id))
  // Other unlinked rows here with the same keys compete for the same records.
  const rivals = (await identity.unlinkedByKey(tx, ctx.rt.id, keys, [...inBatch])).map((r) => ({ ...r, rank: 0 }))
  const rankOf = new Map(keyRows.map((k) => [k.key, k.rank]))
  const near = await nearness(
    tx,
    items,
    candidates.map((c) => c.recordId),
  )
  const byKey = Map.groupBy(candidates, (c) => c.key)
  const pairs = new Map<string, Pair>()
  for (const { key, externalId } of [...keyRows, ...rivals]) {
    const rank = rankOf.get(key)!
    for (const c of byKey.get(key) ?? []) {
      if (inBatch.has(externalId) && !near(externalId, c.recordId, rank)) continue
      const id = `${externalId} ${c.recordId}`
      const pair = pairs.get(id) ?? { row: externalId, record: c.recordId, ranks: [], taken: c.taken }
      if (!pair.ranks.includes(rank)) pair.ranks = [...pair.ranks, rank].sort((a, b) => a - b)
      pairs.set(id, pair)
    }
  }
  for (const pair of await linkedElsewhere(tx, ctx, batch, items, creating)) pairs.set(`${pair.row} ${pair.record}`, pair)
  const named = await told(tx, ctx, items, said, creating)
  const given = new Set([...named.values()].flatMap((d) => ('link' in d ? [d.link] : [])))
  const decisions = decide(
    items.map((i) => i.snapshot.id).filter((row) => !named.has(row)),
    // What a person has called different is never asked about again, and a record that a row was called is taken.
    [...pairs.values()]
      .filter((p) => !named.has(p.row) && !said.different(p.row, p.record))
      .map((p) => (given.has(p.record) ? { ...p, taken: true } : p)),
  )
  for (const [row, decision] of named) decisions.set(row, decision)
  return { decisions, creating }
}

/** What people have said about rows: the record that a row is, and those that it is not. */
export interface Said {
  same(row: string): string | undefined
  different(row: string, record: string): boolean
}

export async function saidOf(tx: Tx, ctx: ApplyContext, object: string, rows: string[]): Promise<Said> {
  const found = await answersOf(tx, ctx.rt.id, object, rows)
  const same = new Map(found.filter((a) => a.same).map((a) => [a.externalId, a.recordId]))
  const different = new Set(found.filter((a) => !a.same).map((a) => `${a.externalId} ${a.recordId}`))
  return { same: (row) => same.get(row), different: (row, record) => different.has(`${row} ${record}`) }
}

/** Rows that a person has called a record: linked to it, or listed beside the row that it has. */
async function told(
  tx: Tx,
  ctx: ApplyContext,
  items: Item[],
  said: Said,
  creating: Map<string, string>,
): Promise<Map<string, Decision>> {
  const decisions = new Map<string, Decision>()
  const rows = items.flatMap((i) => {
    const record = said.same(i.snapshot.id)
    return record ? [{ row: i.snapshot.id, record, entity: i.mapping.entity }] : []
  })
  if (rows.length === 0) return decisions
  const wanted = [...new Set(rows.map((r) => r.record))]
  const living = new Map((await records.readRecords(tx, wanted)).filter((r) => !r.deleted).map((r) => [r.id, r.entity]))
  const here = (await links.linksOfRecords(tx, wanted)).filter((l) => l.connectionId === ctx.rt.id && isOwnRow(l))
  const taken = new Set(here.filter((l) => l.state !== 'creating').map((l) => l.recordId))
  for (const l of here) if (l.state === 'creating') creating.set(l.recordId!, l.id)
  for (const { row, record, entity } of rows) {
    if (living.get(record) !== entity) continue
    decisions.set(row, taken.has(record) ? { second: record } : { link: record })
    taken.add(record)
  }
  return decisions
}

/** Pairs that another sync between the two CRMs has linked: the row holds the id of the other row. */
async function linkedElsewhere(
  tx: Tx,
  ctx: ApplyContext,
  batch: Batch,
  items: Item[],
  creating: Map<string, string>,
): Promise<Pair[]> {
  const named = items.flatMap((item) =>
    Object.entries(item.mapping.document.otherIds).flatMap(([crm, column]) => {
      const id = column && item.snapshot.row[column]
      return typeof id === 'string' && id !== '' ? [{ row: item.snapshot.id, entity: item.mapping.entity, crm, id }] : []
    }),
  )
  if (named.length === 0) return []
  batch.finding(
    'other_sync',
    ctx.rt.name,
    `another sync keeps ids of the other CRM in ${ctx.rt.name}, such as the vendor's own integration: they are taken as the first rule of identity. Two syncs on the same fields fight: switch that one off for fields that are mapped here`,
  )
  const found: { row: string; record: string }[] = []
  for (const other of ctx.all) {
    const theirs = named.filter((n) => n.crm === other.kind && other.id !== ctx.rt.id)
    const linked = await links.recordsOfExternal(
      tx,
      other.id,
      [...new Set(theirs.flatMap((t) => mappingOf(other, t.entity)?.object ?? []))],
      theirs.map((t) => t.id),
    )
    for (const { row, entity, id } of theirs) {
      const hit = linked.find((l) => l.externalId === id && l.entity === entity)
      if (hit) found.push({ row, record: hit.recordId })
    }
  }
  const here = (await links.linksOfRecords(tx, [...new Set(found.map((f) => f.record))])).filter(
    (l) => l.connectionId === ctx.rt.id && isOwnRow(l),
  )
  for (const l of here) if (l.state === 'creating') creating.set(l.recordId!, l.id)
  const taken = new Set(here.filter((l) => l.state !== 'creating').map((l) => l.recordId))
  return found.map((f) => ({ ...f, ranks: [LINKED_ELSEWHERE], taken: taken.has(f.record) }))
}

/** Whether the fields that a rule wants near (not equal) are near, for a row and a record. */
async function nearness(
  tx: Tx,
  items: Item[],
  recordIds: string[],
): Promise<(row: string, record: string, rank: number) => boolean> {
  const tolerant = items.some((i) => i.mapping.document.identity.some((rule) => rule.some((r) => r.includes('~'))))
  const found = tolerant
    ? new Map((await records.readRecords(tx, [...new Set(recordIds)])).map((r) => [r.id, r]))
    : new Map<string, RecordRow>()
  const byId = new Map(items.map((i) => [i.snapshot.id, i]))
  return (row, record, rank) => {
    const item = byId.get(row)!
    const rule = item.mapping.document.identity[rank] ?? []
    return rule.map(ruleEntry).every(({ field, within }) => {
      if (!within) return true
      const reading = item.reading.get(field)
      const own: Value | undefined = reading && 'value' in reading ? reading.value : undefined
      return isNear(within, own, found.get(record)?.fields[field]?.v)
    })
  }
}
