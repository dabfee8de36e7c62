import type { Snapshot } from '../connectors/connector.ts'
import { isOwnRow, type LinkRow, type RecordRow } from '../mappings/state.ts'
import type { Tx } from '../store/database.ts'
import * as links from '../store/links.ts'
import * as records from '../store/records.ts'
import type { ApplyContext, Batch } from './batch.ts'

/** Rows that are there again: taken back in the CRM, or back in sight, after their record was given up. */

/**
 * A row that was deleted stands again. Its record, deleted with it, waits for a person; one that lives on and has no
 * other row here takes it back. Answers whether it is to be merged.
 */
export async function restored(
  tx: Tx,
  ctx: ApplyContext,
  batch: Batch,
  link: LinkRow,
  record: RecordRow,
  snapshot: Snapshot,
): Promise<boolean> {
  const { rt } = ctx
  const rivals = (await links.linksOfRecords(tx, [record.id])).filter(
    (l) => l.connectionId === rt.id && l.id !== link.id && isOwnRow(l),
  )
  // A row that was only to be made gives way to the one that stands again.
  const unmade = rivals.filter((l) => l.state === 'creating' && l.openWrite === null)
  if (rivals.length > unmade.length) {
    // One that is being made is looked at again once it stands; beside one that stands this is a second row of the record.
    if (rivals.some((l) => l.state !== 'creating')) batch.changeLink({ id: link.id, state: 'duplicate', seen: snapshot.version })
    return false
  }
  // A push may be about to make it just now.
  const locked = await links.lockLinks(
    tx,
    unmade.map((l) => l.id),
    ctx.ticket,
  )
  if (locked.some((l) => l.openWrite !== null || l.state !== 'creating')) return false
  await links.updateLinks(
    tx,
    unmade.map((l) => ({ id: l.id, state: 'dead' })),
  )
  batch.changeLink({ id: link.id, state: 'live', seen: snapshot.version })
  if (!record.deleted) return true
  await records.freeze(
    tx,
    record.id,
    'restored',
    `deleted before, and restored in ${rt.name}: decide whether it is kept everywhere or deleted there too`,
  )
  return false
}

/** A row was out of sight while its record was deleted, and is there again: a person says what becomes of it. */
export async function returned(
  tx: Tx,
  { rt }: ApplyContext,
  batch: Batch,
  link: LinkRow,
  record: RecordRow,
  snapshot: Snapshot,
): Promise<void> {
  batch.changeLink({ id: link.id, state: 'live', seen: snapshot.version })
  await records.freeze(
    tx,
    record.id,
    'restored',
    `deleted while its row in ${rt.name} was out of sight, which is there again: decide whether it is kept everywhere or deleted there too`,
  )
}
