import { sql } from 'kysely'
import { json, rows, type Tx } from './database.ts'
import { touchInbox, touchOutboxLinks } from './queues.ts'

/** References that wait for what they point at, inward and outward. */

/** A record read from a CRM waits for the record that it points at. */
export async function addWaiting(
  tx: Tx,
  connectionId: string,
  waits: { waitsFor: string; object: string; externalId: string }[],
): Promise<void> {
  if (waits.length === 0) return
  await sql`insert into waiting (connection_id, waits_for, object, external_id)
    select ${connectionId}, r."waitsFor", r.object, r."externalId" from jsonb_to_recordset(${json(waits)}) as r("waitsFor" text, object text, "externalId" text) on conflict do nothing`.execute(
    tx,
  )
}

/** Parents are linked now: their children are read again. */
export async function wakeWaiting(tx: Tx, connectionId: string, externalIds: string[]): Promise<number> {
  if (externalIds.length === 0) return 0
  const woken = await rows(
    tx,
    sql<{
      object: string
      externalId: string
    }>`delete from waiting where connection_id = ${connectionId} and waits_for = any(${externalIds}::text[]) returning object, external_id as "externalId"`,
  )
  await touchInbox(tx, connectionId, woken, 'its parent is linked')
  return woken.length
}

/**
 * Wakes every row whose parent is linked by now: those too that began to wait while their parent was being linked in
 * another transaction.
 */
export async function wakeLinked(tx: Tx, connectionId: string): Promise<void> {
  const waitedFor = await rows(
    tx,
    sql<{ id: string }>`select distinct waits_for as id from waiting where connection_id = ${connectionId}`,
  )
  if (waitedFor.length === 0) return
  // Named to the statement, for the sake of its plan (see wakeReady).
  const linked = await rows(
    tx,
    sql<{ id: string }>`select external_id as id from link where connection_id = ${connectionId}
    and object = any(array(select distinct object from lane_object where connection_id = ${connectionId})) and external_id = any(${waitedFor.map((w) => w.id)}::text[])
    and record_id is not null and state in ('live', 'outside')`,
  )
  await wakeWaiting(
    tx,
    connectionId,
    linked.map((l) => l.id),
  )
}

/** A link waits for a record to exist on its connection. */
export async function addWaitingOut(tx: Tx, connectionId: string, waits: { parent: string; linkId: string }[]): Promise<void> {
  if (waits.length === 0) return
  await sql`insert into waiting_out (connection_id, parent_record, link_id)
    select ${connectionId}, r.parent, r."linkId" from jsonb_to_recordset(${json(waits)}) as r(parent uuid, "linkId" uuid) on conflict do nothing`.execute(
    tx,
  )
}

/**
 * Queues links again whose parent stands on this connection by now. The push lane asks before each entity,
 * parents first: one statement at a time, so that batches in flight never wait for each other's rows.
 *
 * The parents are named to each statement: a plan for all of them, made by the statistics of a table that has grown
 * since, would compare every link with every parent.
 */
export async function wakeReady(tx: Tx, connectionId: string): Promise<void> {
  const waitedFor = await rows(
    tx,
    sql<{ id: string }>`select distinct parent_record as id from waiting_out where connection_id = ${connectionId}`,
  )
  if (waitedFor.length === 0) return
  const standing = await rows(
    tx,
    sql<{
      id: string
    }>`select record_id as id from link where connection_id = ${connectionId} and record_id = any(${waitedFor.map((w) => w.id)}::uuid[])
    and state in ('live', 'outside') and external_id is not null`,
  )
  if (standing.length === 0) return
  const woken = await rows(
    tx,
    sql<{
      linkId: string
    }>`delete from waiting_out where connection_id = ${connectionId} and parent_record = any(${standing.map((s) => s.id)}::uuid[]) returning link_id as "linkId"`,
  )
  await touchOutboxLinks(
    tx,
    woken.map((w) => w.linkId),
  )
}
