import { ENTITIES, type FieldDef, MODEL } from '../../mappings/model/model.ts'
import type { Value } from '../../mappings/model/value.ts'
import { type Fields, isOwnRow, type LinkRow, type RecordRow } from '../../mappings/state.ts'
import type { Tx } from '../../store/database.ts'
import * as identity from '../../store/identity.ts'
import * as links from '../../store/links.ts'
import * as queues from '../../store/queues.ts'
import * as records from '../../store/records.ts'

/** Two records become one: rows, references and history move to the one that stays. */

/** In whose name, and when. */
export interface Uniting {
  /** The connection in which it happened; null: at Concordat. */
  connectionId: string | null
  origin: string
  runId: string | null
  now: number
  ticket: string
}

/** Bases that counted versions of another record: compared with this one's, all of them have changed. */
const stale = (base: LinkRow['base']): LinkRow['base'] =>
  Object.fromEntries(Object.entries(base).map(([name, b]) => [name, { ...b, n: 0 }]))

/**
 * @param fields values that the survivor takes over, with their new versions.
 * @returns the records that pointed at the other one, and at the survivor now.
 */
export async function uniteRecords(
  tx: Tx,
  by: Uniting,
  survivor: RecordRow,
  other: RecordRow,
  fields: Fields,
): Promise<{ recordId: string; field: string }[]> {
  if (Object.keys(fields).length > 0) await records.updateRecords(tx, [{ id: survivor.id, fields }])
  const both = await links.linksOfRecords(tx, [survivor.id, other.id])
  // A push may be about to make one of them just now.
  const all = await links.lockLinks(
    tx,
    both.map((l) => l.id),
    by.ticket,
  )
  // A row that is only to be made gives way to one that stands.
  const standing = new Set(
    all.filter((l) => l.recordId === other.id && (l.state === 'live' || l.state === 'outside')).map((l) => l.connectionId),
  )
  const replaced = all.filter(
    (l) => l.recordId === survivor.id && l.state === 'creating' && l.openWrite === null && standing.has(l.connectionId),
  )
  await links.updateLinks(
    tx,
    replaced.map((l) => ({ id: l.id, state: 'dead' })),
  )
  const taken = new Set(
    all.filter((l) => l.recordId === survivor.id && isOwnRow(l) && !replaced.includes(l)).map((l) => l.connectionId),
  )
  for (const l of all.filter((x) => x.recordId === other.id && x.state !== 'dead')) {
    // A second row of the same record is listed as a duplicate and never written to.
    if (l.state === 'converted') await links.updateLinks(tx, [{ id: l.id, recordId: survivor.id }])
    else if (taken.has(l.connectionId))
      await links.updateLinks(tx, [{ id: l.id, state: l.state === 'creating' ? 'dead' : 'duplicate', recordId: survivor.id }])
    else await links.updateLinks(tx, [{ id: l.id, recordId: survivor.id, base: stale(l.base) }])
  }
  await identity.redirectRecord(tx, other.id, survivor.id)
  const repointed = await repoint(tx, by, survivor, other.id)
  await records.tombstone(tx, [other.id])
  await records.appendChanges(tx, [
    {
      recordId: survivor.id,
      connectionId: by.connectionId,
      runId: by.runId,
      kind: 'merge',
      origin: by.origin,
      version: survivor.version + 1,
      fields: Object.fromEntries(Object.entries(fields).map(([n, f]) => [n, [survivor.fields[n]?.v ?? null, f.v]])),
    },
  ])
  await queues.touchOutbox(tx, [survivor.id])
  return repointed
}

/** What pointed at a record that was merged away, or whose rows are another's now, points at the survivor. */
export async function repoint(
  tx: Tx,
  by: Omit<Uniting, 'ticket'>,
  survivor: Pick<RecordRow, 'id' | 'entity'>,
  from: string,
): Promise<{ recordId: string; field: string }[]> {
  const fields = ENTITIES.flatMap((entity) =>
    Object.entries(MODEL[entity] as Record<string, FieldDef>)
      .filter(([, def]) => def.to?.includes(survivor.entity) || (def.type === 'partners' && survivor.entity === 'partner'))
      .map(([field, def]) => ({ entity, field, set: def.type === 'partners' })),
  )
  const changes: { id: string; fields: Fields }[] = []
  const journal: records.ChangeRow[] = []
  for (const { field, record } of await records.lockPointingAt(tx, fields, from)) {
    const present = record.fields[field]!
    const value = JSON.parse(JSON.stringify(present.v).replaceAll(from, survivor.id)) as Value
    changes.push({ id: record.id, fields: { [field]: { v: value, n: present.n + 1, o: by.origin, t: [by.now, by.now] } } })
    journal.push({
      recordId: record.id,
      connectionId: by.connectionId,
      runId: by.runId,
      kind: 'update',
      origin: by.origin,
      version: record.version + 1,
      fields: { [field]: [present.v, value] },
    })
  }
  // One field at a time: a record may point at it by several.
  for (const change of changes) await records.updateRecords(tx, [change])
  await records.appendChanges(tx, journal)
  await queues.touchOutbox(
    tx,
    changes.map((c) => c.id),
  )
  return changes.map((c) => ({ recordId: c.id, field: Object.keys(c.fields)[0]! }))
}
