import { CrmError } from '../../connectors/errors.ts'
import * as links from '../../store/links.ts'
import * as queues from '../../store/queues.ts'
import * as records from '../../store/records.ts'
import { EditRefused } from '../edit.ts'
import { type Engine, inTransaction, pausedScopes, writesEnabled } from '../engine.ts'
import type { Runtime } from '../runtime.ts'

/**
 * Merges a row that is listed as a duplicate into the record's own row, in the CRM. No CRM takes that back, so the row is
 * named by whoever asks. What comes of it is read like any merge that a person makes there.
 *
 * @param row the id of the row that goes.
 * @throws EditRefused when there is no such duplicate, the CRM cannot merge, or writing to it is held.
 */
export async function mergeInCrm(
  engine: Engine,
  rt: Runtime,
  recordId: string,
  row: string,
): Promise<{ connection: string; object: string; keep: string; merged: string }> {
  const { object, keep } = await inTransaction(engine, async (tx) => {
    const [record] = await records.readRecords(tx, [recordId])
    if (!record || record.deleted) throw new EditRefused('not_found', `there is no record ${recordId}`)
    const own = (await links.linksOfRecords(tx, [recordId])).filter((l) => l.connectionId === rt.id)
    const duplicate = own.find((l) => l.state === 'duplicate' && l.externalId === row)
    const live = own.find((l) => l.state === 'live' && l.externalId !== null && l.object === duplicate?.object)
    if (!duplicate || !live)
      throw new EditRefused(
        'invalid',
        `${row} is not listed as a duplicate row of record ${recordId} in ${rt.name}: merge the records first`,
      )
    if (!(await writesEnabled(tx, rt.id))) throw new EditRefused('busy', `writing to ${rt.name} is not enabled`)
    const paused = await pausedScopes(tx)
    if (paused.has('all') || paused.has(rt.name) || paused.has(record.entity))
      throw new EditRefused('busy', `writing to ${rt.name} is paused`)
    return { object: live.object, keep: live.externalId! }
  })
  try {
    await rt.connector.merge({ object, keep, merge: row, sendBy: Date.now() + engine.timing.sendBy })
  } catch (error) {
    if (error instanceof CrmError && error.aboutRequest)
      throw new EditRefused('conflict', `${rt.name} does not merge them: ${error.message}`)
    throw error
  } finally {
    // Whatever was answered: what became of both rows is read.
    await inTransaction(engine, (tx) =>
      queues.touchInbox(
        tx,
        rt.id,
        [row, keep].map((externalId) => ({ object, externalId })),
        'merged in the CRM',
      ),
    )
  }
  return { connection: rt.name, object, keep, merged: row }
}
