import type { Snapshot } from '../connectors/connector.ts'
import type { LinkRow, RecordRow } from '../mappings/state.ts'
import type { Tx } from '../store/database.ts'
import type { ApplyContext, Batch, Item } from './batch.ts'
import { holdsLeaving } from './brake.ts'
import { isUnclear, mappingsOf } from './runtime.ts'

/** Rows that leave: their entity's filter, or our sight. They are unlinked, never deleted. */

/** Rows that the brake holds are looked at again: whatever made them leave may be over. */
export const LEAVING_AGAIN_MS = 10 * 60_000

/**
 * A row that is not shown any more, and that no list of deleted rows names: it may be hidden from the integration user as
 * well as gone. Nothing flows to it, nobody takes it for deleted, and if it is seen again it is merged as before.
 */
export function unseen(batch: Batch, ctx: ApplyContext, object: string, { id }: Snapshot, known: LinkRow[]): void {
  for (const link of known.filter((l) => l.state === 'live')) {
    leave(batch, ctx, link)
    batch.finding(
      'row_unseen',
      `${object} ${id}`,
      `${object} ${id} cannot be seen any more: deleted for good, or hidden from the integration user; it is left alone`,
    )
  }
}

/** Rows that would leave their entity in numbers that a person has to look at first. */
export async function leavingInNumbers(
  tx: Tx,
  ctx: ApplyContext,
  object: string,
  snapshots: Snapshot[],
  items: ReadonlyMap<string, Item>,
  byExternal: ReadonlyMap<string, LinkRow[]>,
  byRecord: ReadonlyMap<string, RecordRow>,
): Promise<Set<string>> {
  const held = new Set<string>()
  for (const mapping of mappingsOf(ctx.rt, object)) {
    const leaving = snapshots.filter((s) => {
      if (!s.unseen && (s.deleted || isUnclear(ctx.rt, object, s.row))) return false
      const link = byExternal.get(s.id)?.find((l) => l.entity === mapping.entity)
      const record = byRecord.get(link?.recordId ?? '')
      return link?.state === 'live' && record && !record.deleted && record.frozen === null && items.get(s.id)?.mapping !== mapping
    })
    const ids = leaving.map((s) => s.id)
    if (ids.length > 0 && (await holdsLeaving(tx, ctx.rt, mapping, ids))) for (const id of ids) held.add(id)
  }
  return held
}

/**
 * A row that left its entity's filter, be it for none or for another entity: unlinked, never deleted. Its
 * bases are kept, so that it is merged against them when it comes back; as another entity it would be a twin.
 */
export function leave(batch: Batch, ctx: ApplyContext, link: LinkRow): void {
  if (link.state === 'outside') return
  batch.counts.outside++
  batch.changeLink({ id: link.id, state: 'outside' })
  batch.left.push(link.recordId!)
  batch.journal.push({
    recordId: link.recordId!,
    connectionId: ctx.rt.id,
    runId: ctx.runId,
    kind: 'unlink',
    origin: ctx.rt.id,
    version: 0,
    fields: {},
  })
}
