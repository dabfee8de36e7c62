import { randomUUID } from 'node:crypto'
import type { Snapshot } from '../../connectors/connector.ts'
import type { CompiledMapping } from '../../mappings/compile.ts'
import { type CanonicalRow, readRows } from '../../mappings/lens.ts'
import { same, type Value } from '../../mappings/model/value.ts'
import type { LinkRow } from '../../mappings/state.ts'
import type { Tx } from '../../store/database.ts'
import * as intents from '../../store/intents.ts'
import * as links from '../../store/links.ts'
import * as queues from '../../store/queues.ts'
import * as records from '../../store/records.ts'
import { CHILD_REFERENCES, hasChildren, livingChildren } from '../frozen.ts'
import { NO_REFERENCES } from '../references.ts'
import { columnsOf, lensContext, mappingOf } from '../runtime.ts'
import { refuse } from './answers.ts'
import { commit, demand, send, type Target, type Work } from './work.ts'

/** Rows to be deleted, with their intents: link -> write. */
export interface PreparedDeletes {
  ready: Target[]
  ids: Map<string, number>
  /** Not sent any more after this: what was decided is too old by then. */
  sendBy: number
}

/**
 * Only a row that is as we last saw it, and that nothing stands below any more, is deleted: an edit in between, and
 * children that a CRM would take along or leave alone, are a person's to judge.
 */
export async function deleteBatch(work: Work, mapping: CompiledMapping, targets: Target[]): Promise<void> {
  const { rt } = work
  const read = await rt.connector.readByIds({
    object: mapping.object,
    ids: targets.map((t) => t.link.externalId!),
    columns: columnsOf(rt, mapping.object),
  })
  const prepared = await commit(work, (tx) => prepareDeletes(tx, work, mapping, targets, read))
  if (prepared.ready.length === 0) return
  const outcomes = await send(work, prepared.ids, () =>
    rt.connector.remove({
      object: mapping.object,
      ids: prepared.ready.map((t) => t.link.externalId!),
      sendBy: prepared.sendBy,
    }),
  )
  await commit(work, async (tx) => {
    const ok = prepared.ready.filter((_, i) => outcomes[i]!.ok)
    const failed = prepared.ready.flatMap((t, i) => {
      const o = outcomes[i]!
      return o.ok ? [] : [{ t, error: o.error }]
    })
    await links.updateLinks(
      tx,
      ok.map((t) => ({ id: t.link.id, state: 'dead' })),
    )
    await intents.closeWrites(
      tx,
      ok.map((t) => t.link.id),
    )
    await queues.finishOutbox(
      tx,
      ok.map((t) => t.outbox),
    )
    await refuse(
      tx,
      work,
      mapping,
      failed.map(({ t, error }) => ({ p: { ...t, fields: {}, row: {} }, error })),
      prepared.ids,
      'delete',
    )
    // The CRM may have deleted rows below them.
    if (ok.length > 0)
      for (const { entity } of CHILD_REFERENCES) demand(work, mappingOf(rt, entity)?.object ?? mapping.object, false)
    work.counts.deleted += ok.length
    work.counts.refused += failed.length
  })
}

/** Decides which rows are deleted, which are a person's to judge, and which are gone; stores the intents. */
export async function prepareDeletes(
  tx: Tx,
  work: Work,
  mapping: CompiledMapping,
  claimed: Target[],
  read: Snapshot[],
): Promise<PreparedDeletes> {
  const { engine, rt } = work
  const sendBy = Date.now() + engine.timing.sendBy
  const present = await stillToDelete(tx, claimed)
  const snapshots = new Map(read.map((s) => [s.id, s]))
  const ctx = lensContext(rt, mapping, NO_REFERENCES)
  const living = read.filter((s) => !s.deleted)
  const canonical = await readRows(
    mapping,
    living.map((s) => s.row),
    ctx,
  )
  const readings = new Map(living.map((s, i) => [s.id, canonical[i]!]))
  // A row that nobody shows any more is looked at by the pull lane, and by itself is no proof of anything.
  const unseen = present.filter((t) => !snapshots.has(t.link.externalId!))
  await queues.touchInbox(
    tx,
    rt.id,
    unseen.map((t) => ({ object: mapping.object, externalId: t.link.externalId! })),
    'it is to be deleted, and cannot be seen',
  )
  await queues.deferOutbox(
    tx,
    unseen.map((t) => t.link.id),
    1_000,
    { longer: true },
  )
  const targets = present.filter((t) => !unseen.includes(t))
  const gone = targets.filter((t) => {
    return snapshots.get(t.link.externalId!)!.deleted
  })
  await links.updateLinks(
    tx,
    gone.map((t) => ({ id: t.link.id, state: 'dead' })),
  )
  await intents.closeWrites(
    tx,
    gone.map((t) => t.link.id),
  )
  await queues.finishOutbox(
    tx,
    gone.map((t) => t.outbox),
  )
  const standing = targets.filter((t) => !gone.includes(t))
  // What a write of ours left there is not known yet.
  const open = standing.filter((t) => t.link.openWrite !== null)
  await queues.touchInbox(
    tx,
    rt.id,
    open.map((t) => ({ object: mapping.object, externalId: t.link.externalId! })),
    'it is to be deleted, and a write of ours is open',
  )
  await queues.deferOutbox(
    tx,
    open.map((t) => t.link.id),
    1_000,
    { longer: true },
  )
  const unapproved = standing.filter((t) => !open.includes(t) && !t.record.deleteApproved)
  const below = hasChildren(mapping.entity)
    ? await livingChildren(
        tx,
        rt,
        unapproved.map((t) => t.record.id),
      )
    : new Map<string, string>()
  const held: Target[] = []
  for (const t of unapproved) {
    const edits = editedSince(mapping, t.link, readings.get(t.link.externalId!)!)
    const children = below.get(t.record.id)
    if (Object.keys(edits).length === 0 && !children) continue
    held.push(t)
    if (Object.keys(edits).length > 0) {
      await records.freeze(
        tx,
        t.record.id,
        'delete_or_edit',
        `deleted elsewhere, but ${Object.keys(edits).join(', ')} edited in ${rt.name} since it was last read: decide between delete and keep`,
      )
      await records.appendChanges(tx, [
        {
          recordId: t.record.id,
          connectionId: rt.id,
          runId: work.runId,
          kind: 'conflict',
          origin: rt.id,
          version: t.record.version,
          fields: edits,
        },
      ])
    } else
      await records.freeze(
        tx,
        t.record.id,
        'children',
        `deleted elsewhere, but ${children} of it still stand in ${rt.name}: delete or move those first, or decide between delete and keep`,
      )
  }
  await queues.finishOutbox(
    tx,
    held.map((t) => t.outbox),
  )
  const ready = standing.filter((t) => !open.includes(t) && !held.includes(t))
  const ids = await intents.insertWrites(
    tx,
    rt.id,
    randomUUID(),
    work.runId,
    ready.map((t) => ({
      linkId: t.link.id,
      recordId: t.record.id,
      kind: 'delete',
      fields: {},
      readVersion: snapshots.get(t.link.externalId!)!.version,
      readClock: 0,
    })),
    work.watching,
  )
  return { ready, ids, sendBy }
}

/**
 * Targets as they stand now, locked: since they were claimed a record may have been restored, frozen or merged, and its
 * row may be another one.
 */
async function stillToDelete(tx: Tx, claimed: Target[]): Promise<Target[]> {
  const ticket = await links.drawTicket(tx)
  const fresh = await links.lockLinks(
    tx,
    claimed.map((t) => t.link.id),
    ticket,
  )
  const byId = new Map(fresh.map((l) => [l.id, l]))
  const found = await records.lockRecords(tx, [...new Set(fresh.flatMap((l) => l.recordId ?? []))].sort())
  const recordsById = new Map(found.map((r) => [r.id, r]))
  const present: Target[] = []
  const over: Target[] = []
  for (const t of claimed) {
    const link = byId.get(t.link.id)
    const record = recordsById.get(link?.recordId ?? '')
    const same = link?.state === 'live' && link.externalId === t.link.externalId
    if (same && record?.deleted && record.frozen === null) present.push({ ...t, link, record })
    else over.push(t)
  }
  await queues.finishOutbox(
    tx,
    over.map((t) => t.outbox),
  )
  return present
}

/** Fields that a person changed since we last saw the row: field -> [canonical value then, and now]. */
export function editedSince(mapping: CompiledMapping, link: LinkRow, reading: CanonicalRow): Record<string, [Value, Value]> {
  const edits: Record<string, [Value, Value]> = {}
  for (const f of mapping.fields) {
    const [now, base] = [reading.get(f.name), link.base[f.name]]
    // A reference that the CRM blanked because its target went is no person's edit.
    if (f.type === 'reference' || !f.writes) continue
    // What cannot be read now may have been edited.
    if (!now && base) edits[f.name] = [base.c, null]
    if (!now || 'waitsFor' in now || same(now.raw, base?.r ?? null)) continue
    // It has held a value outside the model since it was linked: that is nobody's edit.
    if ('problem' in now && !base) continue
    // Another spelling of the same value is none either; a value that does not fit the model is.
    const value = 'value' in now ? now.value : (now.raw as Value)
    if (!same(value, base?.c ?? null)) edits[f.name] = [base?.c ?? null, value]
  }
  return edits
}
