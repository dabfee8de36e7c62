import { type RawBuilder, sql } from 'kysely'
import type { Entity } from '../mappings/model/model.ts'
import type { WriteField } from '../mappings/state.ts'
import { writeOf } from './compact.ts'
import { json, rows, type Tx } from './database.ts'

/** Writes of ours that are still to be accounted for: what they replaced is looked up in the CRM's own history. */

export interface WatchedWrite {
  id: number
  linkId: string
  recordId: string
  runId: string | null
  entity: Entity
  object: string
  externalId: string
  kind: 'update' | 'delete'
  fields: Record<string, WriteField>
  /** Fields that are accounted for already. */
  done: string[]
  /** The CRM's clock at the read before the write, in milliseconds. */
  readClock: number
}

/** No history tells more of a write that is so old. */
const OLD_DAYS = 30

/** Writes whose outcome is known and that may be looked up now; refused ones, and those that are too old, are forgotten. */
export async function dueWatched(tx: Tx, connectionId: string, limit: number): Promise<WatchedWrite[]> {
  await sql`delete from watch using write where watch.connection_id = ${connectionId} and write.id = watch.write_id and watch.not_before <= clock_timestamp()
    and (write.refused is not null or write.sent_at < clock_timestamp() - ${OLD_DAYS} * interval '1 day')`.execute(tx)
  return writesWhere(
    tx,
    sql`join watch on watch.write_id = write.id where watch.connection_id = ${connectionId} and watch.not_before <= clock_timestamp()
      and not exists (select 1 from open_write where open_write.write_id = watch.write_id and open_write.state = 'sent') order by write.id limit ${limit}`,
    sql`watch.done`,
  )
}

/** Writes without an answer of which no read can tell what became of them. */
export const doubtedWrites = (tx: Tx, connectionId: string, limit: number): Promise<WatchedWrite[]> =>
  writesWhere(
    tx,
    sql`join open_write on open_write.write_id = write.id where open_write.connection_id = ${connectionId} and open_write.verdict = 'asked' limit ${limit}`,
    sql`'{}'::text[]`,
  )

async function writesWhere(tx: Tx, condition: RawBuilder<unknown>, done: RawBuilder<unknown>): Promise<WatchedWrite[]> {
  const found = await rows(
    tx,
    sql<WatchedWrite>`select write.id, link.id as "linkId", link.record_id as "recordId", write.run_id as "runId", link.entity, link.object, link.external_id as "externalId",
      write.kind, write.fields, ${done} as done, write.read_clock as "readClock"
    from write join link on link.id = write.link_id and link.external_id is not null and link.record_id is not null ${condition}`,
  )
  return found.map((w) => ({ ...w, fields: writeOf(w.fields) }))
}

export async function finishWatched(tx: Tx, writeIds: number[]): Promise<void> {
  if (writeIds.length > 0) await sql`delete from watch where write_id = any(${writeIds}::bigint[])`.execute(tx)
}

/** Some of their fields cannot be looked up yet. */
export async function deferWatched(tx: Tx, writes: { id: number; done: string[] }[], delayMs: number): Promise<void> {
  if (writes.length > 0)
    await sql`update watch set done = r.done, not_before = clock_timestamp() + ${delayMs} * interval '1 millisecond'
      from jsonb_to_recordset(${json(writes)}) as r(id bigint, done text[]) where watch.write_id = r.id`.execute(tx)
}

export async function putOffWatched(tx: Tx, writeIds: number[], delayMs: number): Promise<void> {
  if (writeIds.length > 0)
    await sql`update watch set not_before = clock_timestamp() + ${delayMs} * interval '1 millisecond' where write_id = any(${writeIds}::bigint[])`.execute(
      tx,
    )
}

/** Whether writes through this connection are watched: yes, unless somebody switched it off. */
export async function isWatching(tx: Tx, connectionId: string): Promise<boolean> {
  const [found] = await rows(
    tx,
    sql<{ off: boolean }>`select value = 'false'::jsonb as off from setting where key = ${`watch ${connectionId}`}`,
  )
  return found?.off !== true
}

/** @returns false when there is no such connection. */
export async function setWatching(tx: Tx, connection: string, on: boolean): Promise<boolean> {
  const done = await rows(
    tx,
    sql<{
      key: string
    }>`insert into setting (key, value) select 'watch ' || id, ${json(on)} from connection where name = ${connection}
      on conflict (workspace_id, key) do update set value = excluded.value returning key`,
  )
  // What is not watched any more waits for nobody.
  if (!on)
    await sql`delete from watch using connection where connection.id = watch.connection_id and connection.name = ${connection}`.execute(
      tx,
    )
  return done.length > 0
}
