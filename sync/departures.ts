import type { Snapshot } from '../connectors/connector.ts'
import { isBlank } from '../mappings/model/value.ts'
import type { ConflictRow, LinkRow, RecordRow } from '../mappings/state.ts'
import type { Tx } from '../store/database.ts'
import * as identity from '../store/identity.ts'
import * as intents from '../store/intents.ts'
import * as links from '../store/links.ts'
import * as queues from '../store/queues.ts'
import * as records from '../store/records.ts'
import type { ApplyContext, Batch, Item } from './batch.ts'
import { repoint, type Uniting, uniteRecords } from './golden/unite.ts'
import { mustSend } from './merge/field.ts'

/** Rows that a CRM deleted or merged away. */

/** A linked row was deleted: the record follows by policy, unless something about it is undecided. */
export async function deleted(
  tx: Tx,
  ctx: ApplyContext,
  batch: Batch,
  link: LinkRow,
  record: RecordRow,
  open: ConflictRow[],
): Promise<void> {
  const { rt } = ctx
  const mapping = rt.mappings.find((m) => m.entity === link.entity)!
  batch.counts.deleted++
  if (link.state === 'live' && (await promote(tx, batch, link))) return
  // It had left the mapping's filter: nothing flows from it any more, a delete neither.
  if (link.state === 'outside') {
    batch.changeLink({ id: link.id, state: 'dead' })
    return
  }
  if (record.deleted) {
    batch.changeLink({ id: link.id, state: 'dead' })
    batch.closed.push(link.id)
    return
  }
  // A reference that the CRM itself blanked, and that waits to be sent again, is nobody's edit.
  const pending = mapping.fields.some((f) => {
    const base = link.base[f.name]
    return f.writes && !(f.type === 'reference' && base?.n === 0) && mustSend(record.fields[f.name], base)
  })
  if (mapping.document.onDelete === 'delete' && (pending || open.length > 0)) {
    await records.freeze(
      tx,
      record.id,
      'delete_or_edit',
      `deleted in ${rt.name} while ${open.length > 0 ? 'a conflict was open' : 'a change waited to be written there'}: decide between delete and keep`,
    )
    batch.changeLink({ id: link.id, state: 'dead' })
    batch.closed.push(link.id)
    return
  }
  batch.changeLink({ id: link.id, state: 'dead' })
  batch.closed.push(link.id)
  const kind = mapping.document.onDelete === 'delete' ? 'delete' : 'unlink'
  batch.journal.push({
    recordId: record.id,
    connectionId: rt.id,
    runId: ctx.runId,
    kind,
    origin: rt.id,
    version: record.version + (kind === 'delete' ? 1 : 0),
    fields: {},
  })
  if (kind === 'unlink') return
  await records.tombstone(tx, [record.id])
  await queues.touchOutbox(tx, [record.id], rt.id)
}

/** A second row of the record, listed so far and never written, takes the place of the one that went. */
async function promote(tx: Tx, batch: Batch, link: LinkRow): Promise<boolean> {
  const rows = await links.linksOfRecords(tx, [link.recordId!])
  const spare = rows.find((l) => l.connectionId === link.connectionId && l.entity === link.entity && l.state === 'duplicate')
  if (!spare?.externalId) return false
  batch.closed.push(link.id)
  // One after the other: a record has one row at a time, at every moment.
  await links.updateLinks(tx, [{ id: link.id, state: 'dead' }])
  await links.updateLinks(tx, [{ id: spare.id, state: 'live' }])
  batch.putBack.push({
    object: spare.object,
    externalId: spare.externalId,
    reason: 'it takes the place of a row that went',
    delayMs: 0,
  })
  return true
}

/**
 * Follows merges made in the CRM before anything else is looked at: a loser's link moves to the winner, and
 * two records that turned out to be one become one. Answers the rows that remain to be applied.
 */
export async function redirectMerges(
  tx: Tx,
  ctx: ApplyContext,
  batch: Batch,
  object: string,
  snapshots: Snapshot[],
): Promise<Snapshot[]> {
  const merges = snapshots.flatMap((s) => [
    ...(s.mergedInto ? [{ loser: s.id, winner: s.mergedInto }] : []),
    ...(s.mergedFrom ?? []).map((loser) => ({ loser, winner: s.id })),
    ...(s.asked !== s.id ? [{ loser: s.asked, winner: s.id }] : []),
  ])
  if (merges.length === 0) return snapshots
  const { rt } = ctx
  const ids = [...new Set(merges.flatMap((m) => [m.loser, m.winner]))]
  const linked = (await links.lockLinksByExternal(tx, rt.id, object, ids, ctx.ticket)).filter((l) => l.state !== 'converted')
  // Of a row that changed its entity the link counts that it has now.
  const byAge = linked.sort((a, b) => Number(a.state === 'live') - Number(b.state === 'live'))
  const found = new Map(byAge.map((l) => [l.externalId!, l]))
  // Winners whose links move in this call are read again under a fresh ticket; a merge known before changes nothing.
  const moved = new Set<string>()
  const again = (winner: string) => {
    moved.add(winner)
    batch.putBack.push({ object, externalId: winner, reason: 'another row was merged into it', delayMs: 0 })
  }
  for (const { loser, winner } of merges) {
    const [from, to] = [found.get(loser), found.get(winner)]
    if (!from || from.state === 'dead' || loser === winner) continue
    await identity.redirectExternal(tx, rt.id, object, [{ from: loser, to: winner }])
    batch.keys.set(loser, [])
    if (!to) {
      // The winner is new to us: the loser's link moves to it, with its base.
      await links.updateLinks(tx, [{ id: from.id, externalId: winner }])
      found.set(winner, { ...from, externalId: winner })
      found.delete(loser)
      again(winner)
      continue
    }
    // A duplicate that is merged into the row it doubled, or the other way round, leaves one row of the record.
    await links.updateLinks(tx, [{ id: from.id, state: 'dead' }])
    // Of two duplicates that became one the record's own row knows nothing.
    const wasOwn = from.state === 'live' || from.state === 'outside'
    if (wasOwn && to.state === 'duplicate' && to.recordId === from.recordId)
      await links.updateLinks(tx, [{ id: to.id, state: 'live' }])
    await intents.closeWrites(tx, [from.id])
    from.state = 'dead'
    if (from.recordId && to.recordId && from.recordId !== to.recordId) await mergeRecords(tx, ctx, to.recordId, from.recordId)
    again(winner)
  }
  batch.counts.deleted += moved.size
  const losers = new Set(merges.map((m) => m.loser))
  return snapshots.filter((s) => !losers.has(s.id) && !moved.has(s.id))
}

/** Two records are one: the survivor keeps its values and takes the other's where its own are blank. */
async function mergeRecords(tx: Tx, ctx: ApplyContext, survivorId: string, otherId: string): Promise<void> {
  const locked = new Map((await records.lockRecords(tx, [survivorId, otherId].sort())).map((r) => [r.id, r]))
  const [survivor, other] = [locked.get(survivorId), locked.get(otherId)]
  if (!survivor || !other) return
  const filled = Object.fromEntries(
    Object.entries(other.fields)
      .filter(([name, f]) => !isBlank(f.v) && isBlank(survivor.fields[name]?.v))
      .map(([name, f]) => [name, { ...f, n: (survivor.fields[name]?.n ?? 0) + 1 }]),
  )
  await uniteRecords(tx, inNameOf(ctx), survivor, other, filled)
}

const inNameOf = (ctx: ApplyContext): Uniting => ({
  connectionId: ctx.rt.id,
  origin: ctx.rt.id,
  runId: ctx.runId,
  now: ctx.now,
  ticket: ctx.ticket,
})

/**
 * A row that became another entity was the last that its former record had: what points at that record points at the
 * one it is now.
 */
export async function takeOver(tx: Tx, ctx: ApplyContext, item: Item, id: string, former: LinkRow[]): Promise<void> {
  for (const left of new Set(former.flatMap((l) => (l.recordId && l.recordId !== id ? [l.recordId] : [])))) {
    const others = (await links.linksOfRecords(tx, [left])).filter((l) => l.state === 'live' || l.state === 'creating')
    if (others.every((l) => l.connectionId === ctx.rt.id && l.externalId === item.snapshot.id))
      await repoint(tx, inNameOf(ctx), { id, entity: item.mapping.entity }, left)
  }
}
