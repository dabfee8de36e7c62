import { isOwnRow } from '../../mappings/state.ts'
import * as conflicts from '../../store/conflicts.ts'
import type { Tx } from '../../store/database.ts'
import * as identity from '../../store/identity.ts'
import * as lanes from '../../store/lanes.ts'
import * as links from '../../store/links.ts'
import * as queues from '../../store/queues.ts'
import * as records from '../../store/records.ts'
import { repoint } from '../golden/unite.ts'
import { mustSend } from '../merge/field.ts'
import { mappingOf } from '../runtime.ts'
import type { Target, Work } from './work.ts'

/**
 * Two people made the same thing in two CRMs at the same moment, and each row became a record before the other was
 * read. Where neither record has a row in the CRM of the other they are one: the other's row is linked to the record that
 * was about to get one, as if it had been read a moment later. Nothing is overwritten by that: the row is
 * read again, and compared as at any first link.
 *
 * @returns `apart` when they are not one: each has rows of its own, or something about one of them is undecided. `later`
 * when one of them is just being changed: what comes of it decides, and a row that is made meanwhile could be a twin.
 */
export async function unite(tx: Tx, work: Work, target: Target, otherId: string): Promise<'united' | 'apart' | 'later'> {
  const { engine, rt } = work
  // Links before records, as everybody locks them; and what another lane holds is not waited for: it may wait for ours.
  const found = await links.linksOfRecords(tx, [target.record.id, otherId])
  const held = await links.lockFreeLinks(
    tx,
    found.map((l) => l.id),
    await links.drawTicket(tx),
  )
  const free = await records.lockFreeRecords(tx, [target.record.id, otherId].sort())
  if (held.length < found.length || free.length < 2) return 'later'
  const locked = new Map(free.map((r) => [r.id, r]))
  const [record, other] = [locked.get(target.record.id), locked.get(otherId)]
  if (!record || !other || other.entity !== record.entity) return 'apart'
  // The lane of the other CRM has found the same two, and was faster.
  if (record.deleted || other.deleted) return 'later'
  if (record.frozen !== null || other.frozen !== null) return 'apart'
  const all = held.filter(isOwnRow)
  const [own, theirs] = [all.filter((l) => l.recordId === record.id), all.filter((l) => l.recordId === other.id)]
  const onlyMade = (l: (typeof all)[number]) => l.state === 'creating' && l.openWrite === null
  // Each may have rows only where the other has none, but for those that are still to be made.
  const clash = theirs.some((l) => !onlyMade(l) && own.some((o) => o.connectionId === l.connectionId && !onlyMade(o)))
  const standing = theirs.filter((l) => !onlyMade(l))
  if (clash || standing.some((l) => l.state !== 'live')) return 'apart'
  if (standing.some((l) => l.openWrite !== null)) return 'later'
  // What people have said about the other record through the API, and is not in its row yet, is not to be lost.
  const unsent = standing.some((l) => {
    const at = engine.runtimes.find((r) => r.id === l.connectionId)
    return at && mappingOf(at, other.entity)?.fields.some((f) => f.writes && mustSend(other.fields[f.name], l.base[f.name]))
  })
  if (standing.length === 0) return 'apart'
  if (unsent) return 'later'
  // Of rows that stood before their first complete read it was decided then, with all of them in sight. When a row was
  // read tells that, and not its own stamp: one that was committed late carries an older one.
  for (const [r, rows] of [
    [record, own.filter((l) => !onlyMade(l))],
    [other, standing],
  ] as const)
    for (const l of rows) {
      const readAt = (await lanes.readObjects(tx, l.connectionId))[l.object]?.readAt ?? Number.POSITIVE_INFINITY
      if (r.createdAt <= readAt) return 'apart'
    }
  if ((await conflicts.openConflicts(tx, [other.id])).length > 0) return 'apart'
  const replaced = all.filter(
    (l) => onlyMade(l) && (l.recordId === other.id || standing.some((s) => s.connectionId === l.connectionId)),
  )
  // One after the other: a record has one row at a time, at every moment.
  await links.updateLinks(
    tx,
    replaced.map((l) => ({ id: l.id, state: 'dead' })),
  )
  await links.updateLinks(
    tx,
    standing.map((l) => ({ id: l.id, recordId: record.id, base: {}, freshBase: true })),
  )
  await identity.redirectRecord(tx, other.id, record.id)
  const now = await lanes.databaseNow(tx)
  await repoint(tx, { connectionId: rt.id, origin: rt.id, runId: work.runId, now }, record, other.id)
  await records.tombstone(tx, [other.id])
  await records.appendChanges(tx, [
    {
      recordId: record.id,
      connectionId: rt.id,
      runId: work.runId,
      kind: 'merge',
      origin: rt.id,
      version: record.version,
      fields: {},
    },
  ])
  for (const l of standing)
    if (l.externalId !== null)
      await queues.touchInbox(
        tx,
        l.connectionId,
        [{ object: l.object, externalId: l.externalId }],
        'its record turned out to be another one',
      )
  return 'united'
}
