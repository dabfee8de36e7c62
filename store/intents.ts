import { sql } from 'kysely'
import type { Outcome, WriteField, WriteRow } from '../mappings/state.ts'
import { storedWrite, writeOf } from './compact.ts'
import { json, rows, type Tx } from './database.ts'

/** The writes made through links: committed as intents, open until their outcome is known. */

export async function readWrites(tx: Tx, ids: number[]): Promise<WriteRow[]> {
  if (ids.length === 0) return []
  const found = await rows(
    tx,
    sql<WriteRow>`select id, write.link_id as "linkId", record_id as "recordId", kind, open_write.state, fields, read_version as "readVersion", read_clock as "readClock",
    (extract(epoch from open_write.sent_at) * 1000)::bigint as "sentAt", (extract(epoch from open_write.answered_at) * 1000)::bigint as "answeredAt", open_write.verdict
    from write join open_write on open_write.write_id = write.id where id = any(${ids}::bigint[])`,
  )
  return found.map((w) => ({ ...w, fields: writeOf(w.fields) }))
}

export interface NewWrite {
  linkId: string
  recordId: string
  kind: WriteRow['kind']
  fields: Record<string, WriteField>
  readVersion: number
  readClock: number
}

/**
 * Commits the intent of a batch of writes before the request leaves: link -> write id. A link has one at a time.
 *
 * @param watched what updates replace, and what deletes take along, is looked up afterwards.
 */
export async function insertWrites(
  tx: Tx,
  connectionId: string,
  batch: string,
  runId: string | null,
  writes: NewWrite[],
  watched = false,
): Promise<Map<string, number>> {
  if (writes.length === 0) return new Map()
  const made = await rows(
    tx,
    sql<{ id: number; linkId: string }>`
    with made as (
      insert into write (batch, run_id, connection_id, link_id, record_id, kind, fields, read_version, read_clock)
      select ${batch}, ${runId}::uuid, ${connectionId}, r."linkId", r."recordId", r.kind, r.fields, r."readVersion", r."readClock"
      from jsonb_to_recordset(${json(writes.map((w) => ({ ...w, fields: storedWrite(w.fields) })))}) as r("linkId" uuid, "recordId" uuid, kind text, fields jsonb, "readVersion" bigint, "readClock" bigint)
      returning id, link_id, kind
    ), watched as (
      insert into watch (connection_id, write_id) select ${connectionId}, id from made where ${watched} and kind in ('update', 'delete')
    ), opened as (
      insert into open_write (link_id, write_id, connection_id, state) select link_id, id, ${connectionId}, 'sent' from made
    ) select id, link_id as "linkId" from made`,
  )
  return new Map(made.map((m) => [m.linkId, m.id]))
}

/** The writes that are open now: link -> write. */
export const openWrites = async (tx: Tx, linkIds: string[]): Promise<Map<string, number>> =>
  linkIds.length === 0
    ? new Map()
    : new Map(
        (
          await rows(
            tx,
            sql<{
              linkId: string
              id: number
            }>`select link_id as "linkId", write_id as id from open_write where link_id = any(${linkIds}::uuid[])`,
          )
        ).map((o) => [o.linkId, o.id]),
      )

/** A CRM has taken these writes; a read has still to show what it made of them. */
export async function acknowledgeWrites(tx: Tx, linkIds: string[]): Promise<void> {
  if (linkIds.length > 0)
    await sql`update open_write set state = 'acknowledged', answered_at = clock_timestamp() where link_id = any(${linkIds}::uuid[])`.execute(
      tx,
    )
}

/** These requests ended without an answer: from now on it is counted how long they may still land. */
export async function stillInFlight(tx: Tx, linkIds: string[]): Promise<void> {
  if (linkIds.length > 0)
    await sql`update open_write set sent_at = clock_timestamp() where link_id = any(${linkIds}::uuid[])`.execute(tx)
}

/** The outcome of the writes of these links is known, or does not matter any more. */
export async function closeWrites(tx: Tx, linkIds: string[]): Promise<void> {
  if (linkIds.length > 0) await sql`delete from open_write where link_id = any(${linkIds}::uuid[])`.execute(tx)
}

/** These writes had no effect; the error says why. */
export async function refuseWrites(tx: Tx, refused: { linkId: string; id: number; error: unknown }[]): Promise<void> {
  if (refused.length === 0) return
  await sql`update write set refused = r.error from jsonb_to_recordset(${json(refused)}) as r(id bigint, error jsonb) where write.id = r.id`.execute(
    tx,
  )
  await closeWrites(
    tx,
    refused.map((r) => r.linkId),
  )
}

/** Marks the fields of writes that followed in a call of their own as sent. */
export async function followed(tx: Tx, ids: number[]): Promise<void> {
  if (ids.length > 0)
    await sql`update write set fields = (select jsonb_object_agg(key, value - 'later') from jsonb_each(fields)) where id = any(${ids}::bigint[])`.execute(
      tx,
    )
}

/** What became of these writes is to be asked of the CRM's history. */
export async function askOutcomes(tx: Tx, ids: number[]): Promise<void> {
  if (ids.length > 0)
    await sql`update open_write set verdict = 'asked' where write_id = any(${ids}::bigint[]) and verdict is null`.execute(tx)
}

export async function tellOutcomes(tx: Tx, told: { id: number; verdict: Outcome }[]): Promise<void> {
  if (told.length > 0)
    await sql`update open_write set verdict = r.verdict from jsonb_to_recordset(${json(told)}) as r(id bigint, verdict text) where write_id = r.id`.execute(
      tx,
    )
}
