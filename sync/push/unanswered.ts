import { sql } from 'kysely'
import { chunks } from '../../connectors/connector.ts'
import type { Entity } from '../../mappings/model/model.ts'
import { rows } from '../../store/database.ts'
import * as intents from '../../store/intents.ts'
import * as links from '../../store/links.ts'
import * as queues from '../../store/queues.ts'
import { inTransaction } from '../engine.ts'
import { columnsOf, mappingOf } from '../runtime.ts'
import { commit, type Work } from './work.ts'

/** An acknowledged write is shown by a poll; one that no poll has shown for so long is read by id. */
const UNCONFIRMED_MS = 5 * 60_000

/** Writes that never got an answer: once nothing can be in flight any more the CRM is asked. */
export async function lookUpUnanswered(work: Work): Promise<void> {
  const { engine, rt } = work
  const open = await inTransaction(engine, (tx) =>
    rows(
      tx,
      sql<{
        id: number
        linkId: string
        recordId: string
        kind: string
        entity: Entity
        object: string
        externalId: string | null
      }>`
    select write.id, link.id as "linkId", write.record_id as "recordId", write.kind, link.entity, link.object, link.external_id as "externalId"
    from open_write join write on write.id = open_write.write_id join link on link.id = open_write.link_id
    where open_write.connection_id = ${rt.id} and (open_write.state = 'sent' and open_write.sent_at < clock_timestamp() - ${work.flightMs} * interval '1 millisecond'
      or open_write.answered_at < clock_timestamp() - ${UNCONFIRMED_MS} * interval '1 millisecond')
      and not exists (select 1 from inbox where inbox.connection_id = link.connection_id and inbox.object = link.object and inbox.external_id = link.external_id and inbox.reason = ${queues.LEAVING})
    order by write.id limit 1000`,
    ),
  )
  for (const [object, group] of Map.groupBy(open, (o) => o.object)) {
    const known = group.filter((g) => g.externalId !== null)
    await inTransaction(engine, (tx) =>
      queues.touchInbox(
        tx,
        rt.id,
        known.map((k) => ({ object, externalId: k.externalId! })),
        'the outcome of a write is unknown',
      ),
    )
    const creates = group.filter((g) => g.externalId === null)
    for (const piece of chunks(creates, rt.connector.batch.find)) {
      const mapping = mappingOf(rt, piece[0]!.entity)!
      const column = mapping.document.externalId!
      const found = await rt.connector.find({
        object,
        column,
        values: piece.map((p) => p.recordId),
        columns: columnsOf(rt, object),
      })
      const landed = new Set(found.map((f) => String(f.row[column])))
      await commit(work, async (tx) => {
        // Those that landed are read by id and bind by their external key; the others are made again. A row that was
        // deleted since is bound as well: its delete is then read like any other.
        const gone = new Map(found.filter((f) => f.deleted).map((f) => [String(f.row[column]), f.id]))
        const removed = piece.filter((p) => gone.has(p.recordId))
        const sent = await intents.readWrites(
          tx,
          removed.map((p) => p.id),
        )
        await links.updateLinks(
          tx,
          sent.map((w) => ({
            id: w.linkId,
            state: 'live',
            externalId: gone.get(w.recordId)!,
            base: Object.fromEntries(Object.entries(w.fields).map(([name, f]) => [name, { c: f.c, r: f.s, n: f.n }])),
          })),
        )
        await intents.closeWrites(
          tx,
          removed.map((p) => p.linkId),
        )
        await queues.touchInbox(
          tx,
          rt.id,
          found.map((f) => ({ object, externalId: f.id })),
          'a create of ours without an answer',
        )
        const lost = piece.filter((p) => !landed.has(p.recordId))
        await intents.refuseWrites(
          tx,
          lost.map((p) => ({
            linkId: p.linkId,
            id: p.id,
            error: { class: 'not_landed', message: 'no answer came and the record is not there' },
          })),
        )
        await queues.touchOutboxLinks(
          tx,
          lost.map((p) => p.linkId),
        )
      })
    }
  }
}
