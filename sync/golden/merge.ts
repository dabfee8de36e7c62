import { randomUUIDv7 } from 'node:crypto'
import { same, type Value } from '../../mappings/model/value.ts'
import { type FieldState, type Fields, isOwnRow, type RecordRow } from '../../mappings/state.ts'
import * as conflicts from '../../store/conflicts.ts'
import type { Tx } from '../../store/database.ts'
import * as lanes from '../../store/lanes.ts'
import * as links from '../../store/links.ts'
import * as merges from '../../store/merges.ts'
import * as queues from '../../store/queues.ts'
import * as records from '../../store/records.ts'
import { EditRefused } from '../edit.ts'
import type { Engine } from '../engine.ts'
import { namesOf } from '../runtime.ts'
import { type Survivor, type Survivors, survivors } from './survivorship.ts'
import { uniteRecords } from './unite.ts'

/** A person makes one record of two: looks at what it will be, does it, takes it back. */

const ORIGIN = 'api'

export interface MergePreview {
  survivor: string
  other: string
  fields: Survivor[]
  /** What becomes of the rows of the record that goes. */
  rows: {
    connection: string
    object: string
    externalId: string | null
    becomes: 'its row' | 'listed as a duplicate' | 'not made'
  }[]
  /** Pairs of rows that could be merged in their CRM as well. That cannot be taken back. */
  inCrm: { connection: string; object: string; keep: string; merge: string }[]
}

/** @throws EditRefused when one of them is not there, is undecided, or they are not of one kind. */
export async function previewMerge(
  tx: Tx,
  engine: Engine,
  survivorId: string,
  otherId: string,
  choice: Survivors,
): Promise<MergePreview> {
  const { survivor, other } = await both(tx, survivorId, otherId)
  const all = await links.linksOfRecords(tx, [survivorId, otherId])
  const named = new Map(engine.runtimes.map((rt) => [rt.id, rt.name]))
  const own = all.filter((l) => l.recordId === survivorId && isOwnRow(l))
  const rows = all.filter((l) => l.recordId === otherId && isOwnRow(l))
  const standing = (l: (typeof all)[number]) => l.state === 'live' || l.state === 'outside'
  return {
    survivor: survivorId,
    other: otherId,
    fields: survivors([survivor, other], choice, namesOf(engine.runtimes)),
    rows: rows.map((l) => {
      const taken = own.find((o) => o.connectionId === l.connectionId && (standing(o) || !standing(l)))
      return {
        connection: named.get(l.connectionId) ?? l.connectionId,
        object: l.object,
        externalId: l.externalId,
        becomes: !taken ? 'its row' : standing(l) ? 'listed as a duplicate' : 'not made',
      }
    }),
    inCrm: rows.flatMap((l) => {
      const keep = own.find((o) => o.connectionId === l.connectionId && o.object === l.object && o.state === 'live')
      return keep?.externalId && l.externalId && l.state === 'live'
        ? [
            {
              connection: named.get(l.connectionId) ?? l.connectionId,
              object: l.object,
              keep: keep.externalId,
              merge: l.externalId,
            },
          ]
        : []
    }),
  }
}

/** Merges the other into the survivor. @returns what it is taken back by. */
export async function mergeInto(
  tx: Tx,
  engine: Engine,
  { survivorId, otherId, by, choice }: { survivorId: string; otherId: string; by: string; choice: Survivors },
): Promise<string> {
  const { survivor, other } = await both(tx, survivorId, otherId)
  const all = await links.linksOfRecords(tx, [survivorId, otherId])
  if (all.some((l) => l.openWrite !== null))
    throw new EditRefused('busy', 'a write to one of their rows is under way; try again in a moment')
  const now = await lanes.databaseNow(tx)
  const chosen = survivors([survivor, other], choice, namesOf(engine.runtimes))
  const taken: Fields = {}
  for (const { field, value, from } of chosen) {
    const present = survivor.fields[field]
    if (same(present?.v ?? null, value)) continue
    const source: Pick<FieldState, 'o' | 't'> = (from && other.fields[field]) || { o: ORIGIN, t: [now, now] }
    taken[field] = { v: value, n: (present?.n ?? 0) + 1, o: source.o, t: source.t }
  }
  const before: merges.Before = {
    fields: { [survivorId]: survivor.fields, [otherId]: other.fields },
    links: all.map(({ id, recordId, state, base }) => ({ id, recordId, state, base })),
    taken,
    references: [],
  }
  before.references = await uniteRecords(
    tx,
    { connectionId: null, origin: ORIGIN, runId: null, now, ticket: await links.drawTicket(tx) },
    survivor,
    other,
    taken,
  )
  const id = randomUUIDv7()
  await merges.insertMerge(tx, { id, survivorId, otherId, by, before, choice: chosen })
  return id
}

export interface MergeUndone {
  survivor: string
  other: string
  /** What was changed since and stays as it is. */
  kept: { recordId: string; field: string; why: string }[]
}

/**
 * Takes a merge back: both records hold what they held, with their rows and everything that pointed at them. What people
 * have changed since stays, and is listed.
 */
export async function undoMerge(tx: Tx, id: string): Promise<MergeUndone> {
  const merge = await merges.lockMerge(tx, id)
  if (!merge) throw new EditRefused('not_found', `there is no merge ${id}`)
  if (merge.undone) throw new EditRefused('settled', `merge ${id} was taken back already: nothing is changed`)
  const [later] = await merges.laterMerges(tx, merge)
  if (later) throw new EditRefused('conflict', `one of its records was merged again since: take merge ${later.id} back first`)
  const { survivorId, otherId, before } = merge
  const locked = new Map((await records.lockRecords(tx, [survivorId, otherId].sort())).map((r) => [r.id, r]))
  const [survivor, other] = [locked.get(survivorId), locked.get(otherId)]
  if (!survivor || !other || survivor.deleted)
    throw new EditRefused('deleted', `record ${survivorId} was deleted since: restore it first`)
  const now = await lanes.databaseNow(tx)
  const kept: MergeUndone['kept'] = []
  const back: Fields = {}
  for (const [field, took] of Object.entries(before.taken)) {
    const present = survivor.fields[field]
    if (!same(present?.v ?? null, took.v)) kept.push({ recordId: survivorId, field, why: 'changed since' })
    else {
      const was = before.fields[survivorId]![field]
      back[field] = { ...(was ?? { v: null, o: ORIGIN, t: [now, now] }), n: present!.n + 1 }
    }
  }
  await records.updateRecords(tx, [{ id: survivorId, fields: back }])
  await records.revive(tx, otherId)
  await restoreRows(tx, merge, kept)
  await pointBack(tx, merge, now, kept)
  await records.appendChanges(tx, [
    change(survivor, 'update', back),
    { ...change(other, 'restore', {}), version: other.version + 1 },
  ])
  await merges.endMerge(tx, merge)
  await queues.touchOutbox(tx, [survivorId, otherId])
  return { survivor: survivorId, other: otherId, kept }
}

/** Rows go back to the record that they had, unless their CRM has done something with them since. */
async function restoreRows(tx: Tx, { before, survivorId }: merges.MergeRow, kept: MergeUndone['kept']): Promise<void> {
  const ticket = await links.drawTicket(tx)
  const present = new Map(
    (
      await links.lockLinks(
        tx,
        before.links.map((l) => l.id),
        ticket,
      )
    ).map((l) => [l.id, l]),
  )
  if ([...present.values()].some((l) => l.openWrite !== null))
    throw new EditRefused('busy', 'a write to one of their rows is under way; try again in a moment')
  const changes: links.LinkChange[] = []
  for (const was of before.links) {
    const is = present.get(was.id)
    const gone = is?.state === 'dead' && was.state !== 'dead' && was.state !== 'creating'
    if (!is || gone)
      kept.push({
        recordId: survivorId,
        field: '(row)',
        why: `row ${is?.externalId ?? was.id} was deleted or merged in its CRM since`,
      })
    else if (is.recordId !== was.recordId || is.state !== was.state)
      // What the row holds was agreed with the merged record: compared with its own, what differs is sent again.
      changes.push({ id: was.id, recordId: was.recordId!, state: was.state, base: unversioned(is.base) })
  }
  // One after the other: a record has one row in a CRM at every moment.
  for (const c of changes.toSorted((a, b) => Number(a.state !== 'dead') - Number(b.state !== 'dead')))
    await links.updateLinks(tx, [c])
}

const unversioned = <B extends { n: number }>(base: Record<string, B>): Record<string, B> =>
  Object.fromEntries(Object.entries(base).map(([name, b]) => [name, { ...b, n: 0 }]))

async function pointBack(
  tx: Tx,
  { before, survivorId, otherId }: merges.MergeRow,
  now: number,
  kept: MergeUndone['kept'],
): Promise<void> {
  const ids = [...new Set(before.references.map((r) => r.recordId))].sort()
  const pointing = new Map((await records.lockRecords(tx, ids)).map((r) => [r.id, r]))
  for (const { recordId, field } of before.references) {
    const record = pointing.get(recordId)
    const present = record?.fields[field]
    if (!record || !present || !JSON.stringify(present.v).includes(survivorId)) {
      kept.push({ recordId, field, why: 'it points elsewhere by now' })
      continue
    }
    const value = JSON.parse(JSON.stringify(present.v).replaceAll(survivorId, otherId)) as Value
    const fields: Fields = { [field]: { v: value, n: present.n + 1, o: ORIGIN, t: [now, now] } }
    await records.updateRecords(tx, [{ id: recordId, fields }])
    await records.appendChanges(tx, [change(record, 'update', fields)])
  }
  await queues.touchOutbox(tx, ids)
}

const change = (record: RecordRow, kind: 'update' | 'restore', fields: Fields): records.ChangeRow => ({
  recordId: record.id,
  connectionId: null,
  runId: null,
  kind,
  origin: ORIGIN,
  version: record.version + 1,
  fields: Object.fromEntries(Object.entries(fields).map(([name, f]) => [name, [record.fields[name]?.v ?? null, f.v]])),
})

async function both(tx: Tx, survivorId: string, otherId: string): Promise<{ survivor: RecordRow; other: RecordRow }> {
  if (survivorId === otherId) throw new EditRefused('invalid', 'a record cannot be merged with itself')
  const locked = new Map((await records.lockRecords(tx, [survivorId, otherId].sort())).map((r) => [r.id, r]))
  for (const id of [survivorId, otherId]) {
    const r = locked.get(id)
    if (!r) throw new EditRefused('not_found', `there is no record ${id}`)
    if (r.deleted) throw new EditRefused('deleted', `record ${id} was deleted`)
    if (r.frozen !== null) throw new EditRefused('frozen', `record ${id} is frozen: ${r.frozen}`)
  }
  const [survivor, other] = [locked.get(survivorId)!, locked.get(otherId)!]
  if (survivor.entity !== other.entity)
    throw new EditRefused(
      'invalid',
      `${survivorId} is a ${survivor.entity} and ${otherId} a ${other.entity}: they are not one thing`,
    )
  const [open] = await conflicts.openConflicts(tx, [survivorId, otherId])
  if (open)
    throw new EditRefused('conflict', `${open.field} of record ${open.recordId} is in an open conflict; resolve that first`)
  return { survivor, other }
}
