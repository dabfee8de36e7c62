import { randomUUIDv7 } from 'node:crypto'
import { sql } from 'kysely'
import type { Base, LinkRow, LinkState } from '../mappings/state.ts'
import { baseOf, storedBase } from './compact.ts'
import { json, rows, type Tx } from './database.ts'

/** Links between records and external records, and their bases. */

const columns =
  sql.raw(`link.id, link.connection_id as "connectionId", link.object, link.entity, link.external_id as "externalId", link.record_id as "recordId",
  link.state, link.base, link.rev, link.seen, link.wrote, (select write_id from open_write where open_write.link_id = link.id) as "openWrite"`)
/** Without the open write, which is read once the links are locked. */
const lockedColumns =
  sql.raw(`link.id, link.connection_id as "connectionId", link.object, link.entity, link.external_id as "externalId", link.record_id as "recordId",
  link.state, link.base, link.rev, link.seen, link.wrote`)

/** Rows of links with their bases as the engine knows them. */
async function linkRows<L extends LinkRow>(tx: Tx, query: ReturnType<typeof sql<L>>): Promise<L[]> {
  return (await rows(tx, query)).map((link) => ({ ...link, base: baseOf(link.base) }))
}

/** A link together with whether it changed after a ticket was drawn. */
export type TicketedLink = LinkRow & { changedSince: boolean }

/**
 * A ticket: which transactions had committed when a read began. It ends with the server's run: after a crash the ids of
 * transactions that were forgotten are given out again.
 */
export async function drawTicket(tx: Tx): Promise<string> {
  const [row] = await rows(
    tx,
    sql<{ ticket: string }>`select pg_current_snapshot()::text || '@' || pg_postmaster_start_time()::text as ticket`,
  )
  return row!.ticket
}

const changedSince = (ticket: string) => {
  const [snapshot, run] = ticket.split('@') as [string, string]
  return sql`(pg_postmaster_start_time()::text <> ${run} or not pg_visible_in_snapshot(link.changed, ${snapshot}::pg_snapshot)) as "changedSince"`
}

/**
 * Locked links with the writes that are open now. A statement sees the other tables as they were when it began, and not
 * as they are once it got its lock: what another transaction committed meanwhile is read by a second one.
 */
async function lockedLinks(tx: Tx, query: ReturnType<typeof sql<TicketedLink>>): Promise<TicketedLink[]> {
  const locked = await linkRows(tx, query)
  if (locked.length === 0) return locked
  const open = await rows(
    tx,
    sql<{
      linkId: string
      writeId: number
    }>`select link_id as "linkId", write_id as "writeId" from open_write where link_id = any(${locked.map((l) => l.id)}::uuid[])`,
  )
  const writes = new Map(open.map((o) => [o.linkId, o.writeId]))
  return locked.map((l) => ({ ...l, openWrite: writes.get(l.id) ?? null }))
}

/** Links of external ids, locked in id order. */
export const lockLinksByExternal = (tx: Tx, connectionId: string, object: string, externalIds: string[], ticket: string) =>
  externalIds.length === 0
    ? Promise.resolve([])
    : lockedLinks(
        tx,
        sql<TicketedLink>`select ${lockedColumns}, ${changedSince(ticket)}
    from link where link.connection_id = ${connectionId} and link.object = ${object} and link.external_id = any(${externalIds}::text[]) order by link.id for update`,
      )

/** Links by id, locked as far as nobody else holds them: for who holds others already, and must not wait in a ring. */
export const lockFreeLinks = (tx: Tx, ids: string[], ticket: string) =>
  ids.length === 0
    ? Promise.resolve([])
    : lockedLinks(
        tx,
        sql<TicketedLink>`select ${lockedColumns}, ${changedSince(ticket)} from link where link.id = any(${ids}::uuid[]) order by link.id for update skip locked`,
      )

/** Links of external ids, to look at. */
export const readLinksByExternal = (tx: Tx, connectionId: string, object: string, externalIds: string[]) =>
  linkRows(
    tx,
    sql<LinkRow>`select ${columns} from link where link.connection_id = ${connectionId} and link.object = ${object} and link.external_id = any(${externalIds}::text[])`,
  )

export const lockLinks = (tx: Tx, ids: string[], ticket: string) =>
  ids.length === 0
    ? Promise.resolve([])
    : lockedLinks(
        tx,
        sql<TicketedLink>`select ${lockedColumns}, ${changedSince(ticket)}
    from link where link.id = any(${ids}::uuid[]) order by link.id for update`,
      )

/** Links by their ids, to look at. */
export const readLinks = (tx: Tx, ids: string[]) =>
  ids.length === 0
    ? Promise.resolve([])
    : linkRows(tx, sql<LinkRow>`select ${columns} from link where link.id = any(${ids}::uuid[])`)

export const linksOfRecords = (tx: Tx, recordIds: string[]) =>
  recordIds.length === 0
    ? Promise.resolve([])
    : linkRows(tx, sql<LinkRow>`select ${columns} from link where link.record_id = any(${recordIds}::uuid[])`)

export interface NewLink {
  id: string
  connectionId: string
  object: string
  entity: string
  externalId: string | null
  recordId: string | null
  state: LinkState
  base: Base
  seen: number
  heldReason?: string | null
}

export async function insertLinks(tx: Tx, links: NewLink[]): Promise<void> {
  if (links.length === 0) return
  await sql`insert into link (id, connection_id, object, entity, external_id, record_id, state, base, seen, held_reason)
    select r.id, r."connectionId", r.object, r.entity, r."externalId", r."recordId", r.state, r.base, r.seen, r."heldReason"
    from jsonb_to_recordset(${json(links.map((l) => ({ ...l, base: storedBase(l.base) })))}) as r(id uuid, "connectionId" uuid, object text, entity text, "externalId" text, "recordId" uuid, state text, base jsonb, seen bigint, "heldReason" text)
    on conflict do nothing`.execute(tx)
}

export interface LinkChange {
  id: string
  externalId?: string | null
  recordId?: string | null
  state?: LinkState
  /** Entries put over the present base. */
  base?: Base
  /** Nothing was ever agreed on with this record: the base begins anew. */
  freshBase?: boolean
  seen?: number
  wrote?: number
}

/** Changes links; each change raises `rev` and marks the link for open tickets. */
export async function updateLinks(tx: Tx, changes: LinkChange[]): Promise<void> {
  if (changes.length === 0) return
  // One row per link: an UPDATE takes only one of several rows that match it.
  const byId = new Map<string, LinkChange>()
  for (const c of changes) byId.set(c.id, { ...byId.get(c.id), ...c, base: { ...byId.get(c.id)?.base, ...c.base } })
  await sql`update link set
      external_id = coalesce(r."externalId", link.external_id), record_id = coalesce(r."recordId", link.record_id), state = coalesce(r.state, link.state),
      base = case when r."freshBase" then r.base else link.base || r.base end, seen = greatest(link.seen, coalesce(r.seen, 0)), wrote = greatest(link.wrote, coalesce(r.wrote, 0)),
      rev = rev + 1, changed = pg_current_xact_id()
    from jsonb_to_recordset(${json([...byId.values()].map((c) => ({ ...c, base: storedBase(c.base ?? {}) })))}) as r(id uuid, "externalId" text, "recordId" uuid, state text, base jsonb, "freshBase" boolean, seen bigint, wrote bigint)
    where link.id = r.id`.execute(tx)
}

/** What this very transaction changed counts as known to reads that are merged in it: for a trial, which made them both. */
export async function acceptOwnChanges(tx: Tx, ids: string[]): Promise<void> {
  if (ids.length > 0)
    await sql`update link set changed = '3' where id = any(${ids}::uuid[]) and changed = pg_current_xact_id()`.execute(tx)
}

/** Records looked at in one statement: a plan for named ids stays right however fast the tables grow. */
const FAN = 2_000

/** Creating links, and their outbox rows, for all living records of an entity that have no link on a connection yet. */
export async function fanOutAll(tx: Tx, connectionId: string, object: string, entity: string): Promise<void> {
  for (let after = '00000000-0000-0000-0000-000000000000'; ; ) {
    const found = await rows(
      tx,
      sql<{
        id: string
        living: boolean
      }>`select id, deleted_at is null as living from record where entity = ${entity} and id > ${after} order by id limit ${FAN}`,
    )
    await fanOut(
      tx,
      connectionId,
      object,
      entity,
      found.filter((f) => f.living).map((f) => f.id),
    )
    if (found.length < FAN) return
    after = found.at(-1)!.id
  }
}

/**
 * Creating links, and their outbox rows, for those of these records that have no link on a connection yet. Records in
 * an open review there are left out.
 */
export async function fanOut(tx: Tx, connectionId: string, object: string, entity: string, recordIds: string[]): Promise<void> {
  for (let at = 0; at < recordIds.length; at += FAN) {
    const piece = recordIds.slice(at, at + FAN)
    const taken = await rows(
      tx,
      sql<{
        id: string
      }>`select record_id as id from link where record_id = any(${piece}::uuid[]) and connection_id = ${connectionId} and state not in ('dead', 'converted')
      union all select unnest(record_ids) from match where state = 'open' and connection_id = ${connectionId} and record_ids && ${piece}::uuid[]`,
    )
    const without = new Set(piece).difference(new Set(taken.map((t) => t.id)))
    if (without.size === 0) continue
    await sql`with made as (
        insert into link (id, connection_id, object, entity, record_id, state, base)
        select made_id, ${connectionId}, ${object}, ${entity}, id, 'creating', '{}' from unnest(${[...without].map(() => randomUUIDv7())}::uuid[], ${[...without]}::uuid[]) as n(made_id, id) on conflict do nothing returning id, record_id
      ) insert into outbox (link_id, connection_id, entity, born)
      select made.id, ${connectionId}, ${entity}, record.created_at from made join record on record.id = made.record_id and record.id = any(${[...without]}::uuid[])`.execute(
      tx,
    )
  }
}

/** Ids of external records -> records they are linked to, for references. Follows merges. */
export const recordsOfExternal = (tx: Tx, connectionId: string, objects: string[], externalIds: string[]) =>
  externalIds.length === 0
    ? Promise.resolve([])
    : rows(
        tx,
        sql<{ externalId: string; recordId: string; entity: string; state: LinkState }>`
    select external_id as "externalId", record_id as "recordId", entity, state from link
    where connection_id = ${connectionId} and object = any(${objects}::text[]) and external_id = any(${externalIds}::text[]) and record_id is not null and state in ('live', 'outside')`,
      )

/** Records -> their external ids on one connection, and whether their parent row may be referred to. */
export const externalOfRecords = (tx: Tx, connectionId: string, recordIds: string[]) =>
  recordIds.length === 0
    ? Promise.resolve([])
    : rows(
        tx,
        sql<{ recordId: string; externalId: string | null; state: LinkState }>`
    select record_id as "recordId", external_id as "externalId", state from link
    where connection_id = ${connectionId} and record_id = any(${recordIds}::uuid[]) and state in ('live', 'outside', 'creating', 'held')`,
      )

/**
 * Rows on a connection whose records point at these parents, counted per parent and entity.
 *
 * @param except records that do not count.
 */
export async function childrenOf(
  tx: Tx,
  connectionId: string,
  references: { entity: string; field: string }[],
  parents: string[],
  except: string[] = [],
): Promise<{ parent: string; entity: string; count: number }[]> {
  if (parents.length === 0) return []
  const below = references.map(
    ({ entity, field }) =>
      sql`select id, entity, fields -> ${field} ->> 'v' as parent from record where entity = ${entity} and fields -> ${field} ->> 'v' = any(${parents}::text[])`,
  )
  return rows(
    tx,
    sql<{ parent: string; entity: string; count: number }>`
    select child.parent, child.entity, count(distinct child.id) as count from (${sql.join(below, sql` union all `)}) as child
    join link on link.record_id = child.id and link.connection_id = ${connectionId} and link.state in ('live', 'outside') and link.external_id is not null
    ${except.length > 0 ? sql`where not child.id = any(${except}::uuid[])` : sql``} group by 1, 2`,
  )
}

/** Rows on a connection whose records point at a parent. */
export async function childRows(
  tx: Tx,
  connectionId: string,
  references: { entity: string; field: string }[],
  parent: string,
): Promise<{ object: string; externalId: string }[]> {
  const below = references.map(
    ({ entity, field }) => sql`select id from record where entity = ${entity} and fields -> ${field} ->> 'v' = ${parent}`,
  )
  return rows(
    tx,
    sql<{ object: string; externalId: string }>`
    select distinct link.object, link.external_id as "externalId" from (${sql.join(below, sql` union all `)}) as child
    join link on link.record_id = child.id and link.connection_id = ${connectionId} and link.state = 'live' and link.external_id is not null`,
  )
}

/** The rows that living records have on a connection. */
export const standingOn = (tx: Tx, connectionId: string, recordIds: string[]) =>
  recordIds.length === 0
    ? Promise.resolve([])
    : rows(
        tx,
        sql<{ recordId: string; object: string; externalId: string }>`
    select record.id as "recordId", link.object, link.external_id as "externalId" from record join link on link.record_id = record.id
    where record.id = any(${recordIds}::uuid[]) and record.deleted_at is null and link.connection_id = ${connectionId} and link.state in ('live', 'outside')`,
      )
