import { sql } from 'kysely'
import type { Snapshot } from '../connectors/connector.ts'
import type { ConflictRow, LinkState, WriteRow } from '../mappings/state.ts'
import * as conflicts from '../store/conflicts.ts'
import type { Tx } from '../store/database.ts'
import * as intents from '../store/intents.ts'
import * as links from '../store/links.ts'
import { LEAVING } from '../store/queues.ts'
import * as records from '../store/records.ts'
import { type ApplyContext, Batch, type Counts, type Item, noCounts } from './batch.ts'
import { blankedReferences } from './blanked.ts'
import { followConversions } from './conversions.ts'
import { deleted, redirectMerges, takeOver } from './departures.ts'
import { LEAVING_AGAIN_MS, leave, leavingInNumbers, unseen } from './leaving.ts'
import { merge, openConflict } from './merging.ts'
import { linkNewcomers } from './newcomers.ts'
import { interpret } from './reading.ts'
import { inward } from './references.ts'
import { restored, returned } from './returns.ts'
import { isUnclear } from './runtime.ts'
import { settle } from './settle.ts'

/** What becomes of an unanswered write that a later read shows to have had no effect. */
const NOT_LANDED = { class: 'not_landed', message: 'no answer came, and the row does not hold what was sent' }

export interface Applied {
  counts: Counts
  /** Rows that were not merged: they are read again. */
  putBack: ReadonlySet<string>
  /** Rows with references that are blank now, and what those pointed at: that is looked at first. */
  doubtful: ReadonlySet<string>
  targets: { object: string; externalId: string }[]
}

/**
 * Applies reads of one object's rows: merges each into its record, or finds out what a new row is. One
 * transaction; the caller holds the lane's fence. (Protocol: Apply.)
 *
 * A row that the database itself refuses is a finding; the others are applied without it.
 */
export async function applySnapshots(tx: Tx, ctx: ApplyContext, object: string, snapshots: Snapshot[]): Promise<Applied> {
  await sql`savepoint rows`.execute(tx)
  try {
    const applied = await applyAll(tx, ctx, object, snapshots)
    await sql`release savepoint rows`.execute(tx)
    return applied
  } catch (error) {
    if (!REFUSED_DATA.test((error as { code?: string }).code ?? '')) throw error
    await sql`rollback to savepoint rows`.execute(tx)
    if (snapshots.length === 1) {
      const message = `${object} ${snapshots[0]!.id} cannot be stored and is left alone: ${(error as Error).message}`
      // The row may be odd, or we are: whoever runs this should look at it.
      ctx.log('error', `${ctx.rt.name}: ${message}`, { stack: (error as Error).stack })
      await conflicts.putFindings(tx, ctx.rt.id, [
        { code: 'unreadable_row', subject: `${object} ${snapshots[0]!.id}`, message, count: 1 },
      ])
      return { counts: noCounts(), putBack: new Set(), doubtful: new Set(), targets: [] }
    }
    const half = Math.ceil(snapshots.length / 2)
    const first = await applySnapshots(tx, ctx, object, snapshots.slice(0, half))
    const second = await applySnapshots(tx, ctx, object, snapshots.slice(half))
    const counts = noCounts()
    for (const key of Object.keys(counts) as (keyof Counts)[]) counts[key] = first.counts[key] + second.counts[key]
    return {
      counts,
      putBack: new Set([...first.putBack, ...second.putBack]),
      doubtful: new Set([...first.doubtful, ...second.doubtful]),
      targets: [...first.targets, ...second.targets],
    }
  }
}

/** The push lane asks the history meanwhile. */
const DOUBT_MS = 500

/** Links through which nothing flows, whatever becomes of their row. */
const RESTING: ReadonlySet<LinkState> = new Set(['dead', 'duplicate', 'converted'])

/** A field that was changed so often may be flipping: a value set, changed, set back, and changed once more. */
const OFTEN = 4

/** SQLSTATE classes of what is wrong with the data: data exception, integrity constraint. */
const REFUSED_DATA = /^2[23]/

async function applyAll(tx: Tx, ctx: ApplyContext, object: string, snapshots: Snapshot[]): Promise<Applied> {
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
  const byExternal = Map.groupBy(found, (l) => l.externalId!)
  const recordIds = [...new Set(found.map((l) => l.recordId).filter((id) => id !== null))].sort()
  const byRecord = new Map((await records.lockRecords(tx, recordIds)).map((r) => [r.id, r]))
  const open = Map.groupBy(await conflicts.openConflicts(tx, recordIds), (c) => c.recordId)
  const writes = new Map(
    (
      await intents.readWrites(
        tx,
        found.map((l) => l.openWrite).filter((w) => w !== null),
      )
    ).map((w) => [w.id, w]),
  )
  batch.recent = await records.recentChanges(
    tx,
    [...byRecord.values()].filter((r) => Object.values(r.fields).some((f) => f.n >= OFTEN)).map((r) => r.id),
  )
  const references = await inward(tx, rt, object, rest)
  const items = await interpret(rt, object, rest, references)
  const blanked = await blankedReferences(tx, ctx, items, byExternal)
  const held = await leavingInNumbers(tx, ctx, object, rest, items, byExternal, byRecord)
  const newcomers: Item[] = []
  const back = (id: string, reason: string, delayMs = 0) => {
    batch.counts.putBack++
    batch.putBack.push({ object, externalId: id, reason, delayMs })
  }

  for (const snapshot of rest) {
    const known = byExternal.get(snapshot.id) ?? []
    const item = items.get(snapshot.id)
    if (known.some((l) => l.changedSince)) {
      if (ctx.echoes?.has(snapshot.id)) continue
      back(snapshot.id, 'its link changed while it was read')
      continue
    }
    // A stale replica answered. Never for Salesforce: there a late commit carries an older stamp.
    if (rt.kind === 'hubspot' && !snapshot.deleted && known.some((l) => snapshot.version < Math.max(l.seen, l.wrote))) {
      back(snapshot.id, 'an older version was read', 1_000)
      continue
    }
    if (held.has(snapshot.id)) {
      back(snapshot.id, LEAVING, LEAVING_AGAIN_MS)
      continue
    }
    if (snapshot.unseen) {
      unseen(batch, ctx, object, snapshot, known)
      for (const l of known) if (isOver(writes.get(l.openWrite ?? -1), ctx)) batch.closed.push(l.id)
      continue
    }
    if (!snapshot.deleted && isUnclear(rt, object, snapshot.row)) {
      batch.finding(
        'unclear_row',
        object,
        `${object} ${snapshot.id} came without a column that the mappings' filters need; it is left as it is`,
      )
      continue
    }
    // What is deleted is nobody's twin any more.
    if (snapshot.deleted) batch.keys.set(snapshot.id, [])
    // As another entity the row has another link; the one of an entity that it left stays outside.
    const link = item && known.find((l) => l.entity === item.mapping.entity)
    for (const former of known) {
      const write = writes.get(former.openWrite ?? -1)
      // A restore of ours got no answer, and the row is still deleted.
      if (snapshot.deleted && former.state === 'dead' && write?.kind === 'restore' && isOver(write, ctx))
        batch.refused.push({ linkId: former.id, id: write.id, error: NOT_LANDED })
      const record = former.recordId === null ? undefined : byRecord.get(former.recordId)
      if (former === link || !record || RESTING.has(former.state)) continue
      // We took it back ourselves: that it is gone is what was asked for.
      if (former.state === 'withdrawn') {
        if (snapshot.deleted) batch.closed.push(former.id)
        continue
      }
      if (snapshot.deleted) await deleted(tx, ctx, batch, former, record, open.get(record.id) ?? [])
      // Nothing is merged into such a record; a write of ours to it is settled all the same.
      else if (!record.deleted && record.frozen === null) leave(batch, ctx, former)
      // Nothing flows any more: what became of the last write is seen once it can no more be on its way.
      if (isOver(writes.get(former.openWrite ?? -1), ctx)) batch.closed.push(former.id)
    }
    if (!item || snapshot.deleted) continue
    if (!link) {
      newcomers.push(item)
      continue
    }
    if (link.state === 'duplicate' || link.recordId === null) {
      if (isOver(writes.get(link.openWrite ?? -1), ctx)) batch.closed.push(link.id)
      continue
    }
    const record = byRecord.get(link.recordId)
    if (!record) continue
    if (link.state === 'withdrawn') {
      const write = writes.get(link.openWrite ?? -1)
      if (write && !isOver(write, ctx)) {
        back(snapshot.id, 'a write of ours is still open', ctx.flightMs)
        continue
      }
      // It stands after all: the removal did not take effect, or a person took it back.
      if (write) batch.refused.push({ linkId: link.id, id: write.id, error: NOT_LANDED })
      batch.changeLink({ id: link.id, state: 'live' })
      if (!record.deleted && record.frozen === null)
        merge(batch, ctx, { ...link, state: 'live' }, record, item, open.get(record.id) ?? [])
      continue
    }
    if (link.state === 'dead') {
      if (ctx.standing?.get(`${object} ${snapshot.id}`) !== true) back(snapshot.id, 'it was deleted, and is listed again')
      else if (await restored(tx, ctx, batch, link, record, snapshot))
        merge(batch, ctx, link, record, item, open.get(record.id) ?? [])
      continue
    }
    if (link.state === 'outside' && record.deleted && record.frozen === null) {
      await returned(tx, ctx, batch, link, record, snapshot)
      continue
    }
    const still = record.deleted || record.frozen !== null
    if (still && link.openWrite === null) continue
    const write = link.openWrite === null ? undefined : writes.get(link.openWrite)
    if (blanked.doubtful.has(snapshot.id)) {
      back(snapshot.id, 'what it pointed at is read first')
      continue
    }
    const blank = blanked.bases.get(link.id)
    let base = { ...link.base, ...blank }
    if (blank) batch.changeLink({ id: link.id, base: blank })
    const unsettled: ConflictRow[] = []
    if (write) {
      const settled = settle(write, record.fields, item, ctx)
      if (settled.wait !== undefined) {
        back(snapshot.id, 'a write of ours is still open', settled.wait)
        continue
      }
      if (settled.doubt) {
        batch.doubted.push(write.id)
        back(snapshot.id, 'the field history is asked about a write of ours', DOUBT_MS)
        continue
      }
      base = { ...base, ...settled.base }
      if (settled.landed) batch.closed.push(link.id)
      else batch.refused.push({ linkId: link.id, id: write.id, error: NOT_LANDED })
      batch.changeLink({ id: link.id, base: settled.base })
      for (const c of settled.uncertain) unsettled.push(openConflict(batch, record.id, c))
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
    if (!still && link.state === 'outside')
      await takeOver(
        tx,
        ctx,
        item,
        record.id,
        known.filter((l) => l !== link && l.state === 'live'),
      )
    if (!still) merge(batch, ctx, { ...link, base }, record, item, [...(open.get(record.id) ?? []), ...unsettled])
  }
  await linkNewcomers(tx, ctx, batch, object, newcomers, byExternal)
  await batch.write(tx, ctx, object)
  await followConversions(tx, ctx, batch)
  return {
    counts: batch.counts,
    putBack: new Set(batch.putBack.map((p) => p.externalId)),
    doubtful: blanked.doubtful,
    targets: blanked.targets,
  }
}

/** Whether a read shows all that an open write of ours can still have done. */
const isOver = (write: WriteRow | undefined, ctx: ApplyContext): boolean =>
  write !== undefined &&
  (write.state === 'acknowledged' ? ctx.began >= (write.answeredAt ?? 0) : ctx.began - write.sentAt >= ctx.flightMs)
