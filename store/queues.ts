import { sql } from 'kysely'
import { json, rows, type Tx } from './database.ts'

/** Inbox and outbox. A row goes only if its `seq` is still the one that was claimed. */

/** Reason of inbox rows that wait behind the brake. */
export const LEAVING = 'the brake holds it: many rows seem to have left at once'

export interface InboxRow {
  object: string
  externalId: string
  seq: number
  /** A version at or after this one says enough; null: it is read whatever is known. */
  asOf: number | null
}
export interface OutboxRow {
  linkId: string
  entity: string
  seq: number
  attempts: number
}

/** Asks for external records to be read. */
export async function touchInbox(
  tx: Tx,
  connectionId: string,
  ids: { object: string; externalId: string; asOf?: number | undefined }[],
  reason: string,
  delayMs = 0,
): Promise<void> {
  if (ids.length === 0) return
  // Of several askings for a row the one that wants it read whatever is known counts, else the latest.
  const asked = Map.groupBy(ids, (i) => `${i.object} ${i.externalId}`)
  const unique = [...asked.values()].map((of) => ({
    object: of[0]!.object,
    externalId: of[0]!.externalId,
    asOf: of.some((i) => i.asOf === undefined) ? null : Math.max(...of.map((i) => i.asOf!)),
  }))
  await sql`insert into inbox (connection_id, object, external_id, reason, not_before, as_of)
    select ${connectionId}, r.object, r."externalId", ${reason}, clock_timestamp() + ${delayMs} * interval '1 millisecond', r."asOf"
    from jsonb_to_recordset(${json(unique)}) as r(object text, "externalId" text, "asOf" bigint) order by 2, 3
    on conflict (workspace_id, connection_id, object, external_id) do update set seq = inbox.seq + 1, not_before = least(inbox.not_before, excluded.not_before),
      as_of = case when inbox.as_of is null or excluded.as_of is null then null else greatest(inbox.as_of, excluded.as_of) end`.execute(
    tx,
  )
}

/** Takes rows off the inbox of which a later version is known than they were asked for; answers what is left to read. */
export async function dropCovered(tx: Tx, connectionId: string, claimed: InboxRow[]): Promise<InboxRow[]> {
  const dated = claimed.filter((c) => c.asOf !== null)
  if (dated.length === 0) return claimed
  const known = await rows(
    tx,
    sql<{ object: string; externalId: string; version: number }>`
    select object, external_id as "externalId", max(greatest(seen, wrote)) as version from link
    where connection_id = ${connectionId} and external_id = any(${dated.map((d) => d.externalId)}::text[]) group by 1, 2`,
  )
  const versions = new Map(known.map((k) => [`${k.object} ${k.externalId}`, k.version]))
  const covered = new Set(dated.filter((d) => (versions.get(`${d.object} ${d.externalId}`) ?? -1) >= d.asOf!))
  await finishInbox(tx, connectionId, [...covered])
  return claimed.filter((c) => !covered.has(c))
}

/** Asks for live rows to be read that a complete list, read between two ids, did not hold. */
export async function touchAbsent(
  tx: Tx,
  connectionId: string,
  object: string,
  span: { from: string; to: string | undefined; numeric: boolean },
  present: string[],
): Promise<number> {
  const id = span.numeric ? sql`external_id::numeric` : sql`external_id collate "C"`
  const bound = (text: string) => (span.numeric ? sql`${text}::numeric` : sql`${text}`)
  const absent = await rows(
    tx,
    sql<{
      externalId: string
    }>`select external_id as "externalId" from link where connection_id = ${connectionId} and object = ${object} and state = 'live'
    and ${id} > ${bound(span.from)} ${span.to === undefined ? sql`` : sql`and ${id} <= ${bound(span.to)}`} and not external_id = any(${present}::text[])`,
  )
  await touchInbox(
    tx,
    connectionId,
    absent.map((a) => ({ object, externalId: a.externalId })),
    'a complete list does not hold it',
  )
  return absent.length
}

/** @param except objects whose rows wait: before an object's first read is through nobody can tell what a row is. */
export const claimInbox = (tx: Tx, connectionId: string, limit: number, except: string[]) =>
  rows(
    tx,
    sql<InboxRow>`select object, external_id as "externalId", seq, as_of as "asOf" from inbox where connection_id = ${connectionId} and not_before <= clock_timestamp()
      and not object = any(${except}::text[]) order by at limit ${limit}`,
  )

export async function finishInbox(tx: Tx, connectionId: string, claimed: InboxRow[]): Promise<void> {
  for (const [{ object, seq }, ids] of bySeq(
    claimed,
    (c) => c.object,
    (c) => c.externalId,
  ))
    await sql`delete from inbox where connection_id = ${connectionId} and object = ${object} and external_id = any(${ids}::text[]) and seq = ${seq}`.execute(
      tx,
    )
}

/**
 * Claimed rows by their sequence number (and what else they have in common), of which there are few: a statement that
 * names its rows keeps its plan, one that joins a list of pairs does not.
 */
function bySeq<R extends { seq: number }>(claimed: R[], objectOf: (row: R) => string, idOf: (row: R) => string) {
  const groups = Map.groupBy(claimed, (c) => `${c.seq} ${objectOf(c)}`)
  return [...groups.values()].map(
    (rows) => [{ object: objectOf(rows[0]!), seq: rows[0]!.seq }, rows.map(idOf)] as [{ object: string; seq: number }, string[]],
  )
}

/** Asks for the other links of records to be compared and written. */
export async function touchOutbox(tx: Tx, recordIds: string[], except?: string): Promise<void> {
  if (recordIds.length === 0) return
  await sql`insert into outbox (link_id, connection_id, entity)
    select id, connection_id, entity from link where record_id = any(${recordIds}::uuid[]) and state in ('live', 'creating') ${except ? sql`and connection_id <> ${except}` : sql``} order by id
    on conflict (workspace_id, link_id) do update set seq = outbox.seq + 1, attempts = 0, not_before = '-infinity'`.execute(tx)
}

export async function touchOutboxLinks(tx: Tx, linkIds: string[]): Promise<void> {
  if (linkIds.length === 0) return
  await sql`insert into outbox (link_id, connection_id, entity) select id, connection_id, entity from link where id = any(${linkIds}::uuid[]) and state in ('live', 'creating') order by id
    on conflict (workspace_id, link_id) do update set seq = outbox.seq + 1, attempts = 0, not_before = '-infinity'`.execute(tx)
}

/** Asks for all rows of an entity on a connection to be compared and written. */
export async function touchEntity(tx: Tx, connectionId: string, entity: string): Promise<void> {
  await sql`insert into outbox (link_id, connection_id, entity)
    select id, connection_id, entity from link where connection_id = ${connectionId} and entity = ${entity} and state = 'live' order by id
    on conflict (workspace_id, link_id) do update set seq = outbox.seq + 1, attempts = 0, not_before = '-infinity'`.execute(tx)
}

/**
 * What waits to be written, one entity at a time: parents come first.
 *
 * @param bornBefore creates of records that came to be later than this wait: milliseconds of the database's clock.
 */
export const claimOutbox = (
  tx: Tx,
  connectionId: string,
  entity: string,
  {
    limit,
    bornBefore,
    except = [],
    recordId,
  }: { limit: number; bornBefore: number; except?: string[]; recordId?: string | undefined },
) =>
  rows(
    tx,
    sql<OutboxRow>`select link_id as "linkId", entity, seq, attempts from outbox where connection_id = ${connectionId} and entity = ${entity} and not_before <= clock_timestamp()
      and (born is null or born <= to_timestamp(${bornBefore} / 1000.0)) ${recordId === undefined ? sql`` : sql`and link_id = any(array(select id from link where record_id = ${recordId}))`} ${except.length > 0 ? sql`and not link_id = any(${except}::uuid[])` : sql``} order by at limit ${limit}`,
  )

/**
 * Creates that wait for a poll which begins `holdMs` after their record came to be: in how many milliseconds the
 * first of them can be released by one; 0: now; null: none waits.
 */
export async function nextBorn(
  tx: Tx,
  connectionId: string,
  entity: string,
  bornBefore: number,
  holdMs: number,
): Promise<number | null> {
  const [found] = await rows(
    tx,
    sql<{
      ms: number | null
    }>`select (extract(epoch from (min(born) - clock_timestamp())) * 1000)::bigint + ${holdMs} as ms from outbox where connection_id = ${connectionId} and entity = ${entity} and born > to_timestamp(${bornBefore} / 1000.0)`,
  )
  return found!.ms === null ? null : Math.max(0, found!.ms)
}

export async function finishOutbox(tx: Tx, claimed: { linkId: string; seq: number }[]): Promise<void> {
  for (const [{ seq }, ids] of bySeq(
    claimed,
    () => '',
    (c) => c.linkId,
  ))
    await sql`delete from outbox where link_id = any(${ids}::uuid[]) and seq = ${seq}`.execute(tx)
}

/** What waits to be written for objects that a mapping only reads: there is nothing to do. */
export async function dropUnwritten(tx: Tx, connectionId: string, entities: readonly string[]): Promise<void> {
  if (entities.length > 0)
    await sql`delete from outbox where connection_id = ${connectionId} and entity = any(${entities}::text[])`.execute(tx)
}

/** Everything that was put off is due now: for a trial, which looks at all that will be written sooner or later. */
export async function forgetDelays(tx: Tx, connectionId: string): Promise<void> {
  await sql`update outbox set not_before = '-infinity' where connection_id = ${connectionId} and not_before > clock_timestamp()`.execute(
    tx,
  )
}

/** What is put off again and again is at last tried this seldom. */
const LONGEST_DELAY_MS = 10 * 60_000

/** Puts rows off. @param longer the delay doubles with each time that the row is put off. */
export async function deferOutbox(tx: Tx, linkIds: string[], delayMs: number, { longer = false } = {}): Promise<void> {
  if (linkIds.length === 0) return
  const delay = longer
    ? sql`least(${delayMs}::float8 * power(2, least(attempts, 16)), greatest(${delayMs}, ${LONGEST_DELAY_MS})::float8)`
    : sql`${delayMs}::float8`
  await sql`update outbox set attempts = attempts + 1, not_before = clock_timestamp() + ${delay} * interval '1 millisecond' where link_id = any(${linkIds}::uuid[])`.execute(
    tx,
  )
}

/** Rows by entity, those due now and those put off; and the earliest moment at which one is due. */
export async function outboxState(
  tx: Tx,
  connectionId: string,
): Promise<{ due: Record<string, number>; later: number; nextMs: number | null }> {
  const found = await rows(
    tx,
    sql<{ entity: string; due: number; later: number; next: number | null }>`
    select entity, count(*) filter (where not_before <= clock_timestamp()) as due, count(*) filter (where not_before > clock_timestamp()) as later,
      (extract(epoch from (min(not_before) filter (where not_before > clock_timestamp()) - clock_timestamp())) * 1000)::bigint as next
    from outbox where connection_id = ${connectionId} group by entity`,
  )
  const next = found.map((f) => f.next).filter((n) => n !== null)
  return {
    due: Object.fromEntries(found.filter((f) => f.due > 0).map((f) => [f.entity, f.due])),
    later: found.reduce((n, f) => n + f.later, 0),
    nextMs: next.length > 0 ? Math.min(...next) : null,
  }
}

/** In how many milliseconds the next row that was put off is due; null: none was. */
export async function nextDue(tx: Tx, queue: 'inbox' | 'outbox' | 'watch', connectionId: string): Promise<number | null> {
  const [found] = await rows(
    tx,
    sql<{
      ms: number | null
    }>`select (extract(epoch from (min(not_before) - clock_timestamp())) * 1000)::bigint as ms from ${sql.table(queue)} where connection_id = ${connectionId} and not_before > clock_timestamp()`,
  )
  return found!.ms
}

/** Whether more rows than this wait to be written, to whichever CRM may be written to. */
export const hasBacklog = async (tx: Tx, size: number): Promise<boolean> =>
  (
    await rows(
      tx,
      sql<{
        full: boolean
      }>`select exists (select 1 from outbox join connection on connection.id = outbox.connection_id and writes_enabled
        where not_before <= clock_timestamp() and not exists (select 1 from pause where scope in ('all', connection.name, outbox.entity)) offset ${size}) as full`,
    )
  )[0]!.full

export const inboxCount = async (tx: Tx, connectionId: string): Promise<number> =>
  (await rows(tx, sql<{ n: number }>`select count(*) as n from inbox where connection_id = ${connectionId}`))[0]!.n
