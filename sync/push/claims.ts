import type { CompiledMapping } from '../../mappings/compile.ts'
import type { Tx } from '../../store/database.ts'
import * as links from '../../store/links.ts'
import * as queues from '../../store/queues.ts'
import * as records from '../../store/records.ts'
import { holds, isHeld, takesAway } from '../brake.ts'
import { mustSend } from '../merge/field.ts'
import type { Runtime } from '../runtime.ts'
import { partition, type Target } from './work.ts'

/** What was claimed from the outbox, sorted by what is to be done with it. */
export interface Claims {
  creates: Target[]
  updates: Target[]
  deletes: Target[]
  /** What waits behind the brake. */
  held: Target[]
}

/** Loads what was claimed, and takes off the outbox what needs nothing. */
export async function sortClaims(
  tx: Tx,
  rt: Runtime,
  mapping: CompiledMapping,
  claimed: readonly queues.OutboxRow[],
): Promise<Claims> {
  const ticket = await links.drawTicket(tx)
  const found = await links.lockLinks(
    tx,
    claimed.map((c) => c.linkId),
    ticket,
  )
  const recordsById = new Map(
    (await records.readRecords(tx, [...new Set(found.map((l) => l.recordId).filter((r) => r !== null))])).map((r) => [r.id, r]),
  )
  const byId = new Map(found.map((l) => [l.id, l]))
  const targets: Target[] = []
  const done: queues.OutboxRow[] = []
  for (const outbox of claimed) {
    const link = byId.get(outbox.linkId)
    const record = link?.recordId ? recordsById.get(link.recordId) : undefined
    const nothing =
      !link ||
      !record ||
      (link.state !== 'live' && link.state !== 'creating') ||
      record.frozen !== null ||
      (link.state === 'creating' && record.deleted)
    const idle =
      link?.state === 'live' &&
      record &&
      !record.deleted &&
      !mapping.fields.some((f) => f.writes && mustSend(record.fields[f.name], link.base[f.name]))
    if (nothing || idle) done.push(outbox)
    else targets.push({ link, record, outbox })
  }
  await queues.finishOutbox(tx, done)
  // The brake holds what takes something away; what gives something goes on.
  const brake = targets.some((t) => takesAway(mapping, t)) ? await holds(tx, rt, mapping) : undefined
  const [held, free] = brake ? partition(targets, (t) => isHeld(brake, mapping, t)) : [[], targets]
  return {
    creates: free.filter((t) => t.link.state === 'creating'),
    updates: free.filter((t) => t.link.state === 'live' && !t.record.deleted),
    deletes: free.filter((t) => t.link.state === 'live' && t.record.deleted),
    held,
  }
}
