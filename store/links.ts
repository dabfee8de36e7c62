import { sql } from 'kysely'
import type { Base, LinkRow, LinkState, WriteField, WriteRow } from '../mappings/state.ts'
import { json, rows, type Tx } from './database.ts'

/** Links between records and external records, their bases, and the writes made through them. */

const columns =
  sql.raw(`link.id, link.connection_id as "connectionId", link.object, link.entity, link.external_id as "externalId", link.record_id as "recordId",
  link.state, link.base, link.rev, link.seen, link.wrote, link.open_write as "openWrite"`)

/** A link together with whether it changed after a ticket was drawn. */
export type TicketedLink = LinkRow & { changedSince: boolean }

/** A ticket: which transactions had committed when a read began. */
export async function drawTicket(tx: Tx): Promise<string> {
  const [row] = await rows(tx, sql<{ ticket: string }>`select pg_current_snapshot()::text as ticket`)
  return row!.ticket
}

/** Links of external ids, locked in id order. */
export const lockLinksByExternal = (tx: Tx, connectionId: string, object: string, externalIds: string[], ticket: string) =>
  externalIds.length === 0
    ? Promise.resolve([])
    : rows(
        tx,
        sql<TicketedLink>`select ${columns}, not pg_visible_in_snapshot(link.changed, ${ticket}::pg_snapshot) as "changedSince"
    from link where connection_id = ${connectionId} and object = ${object} and external_id = any(${externalIds}::text[]) order by id for update`,
      )

export const lockLinks = (tx: Tx, ids: string[], ticket: string) =>
  ids.length === 0
    ? Promise.resolve([])
    : rows(
        tx,
        sql<TicketedLink>`select ${columns}, not pg_visible_in_snapshot(link.changed, ${ticket}::pg_snapshot) as "changedSince"
    from link where id = any(${ids}::uuid[]) order by id for update`,
      )

export const linksOfRecords = (tx: Tx, recordIds: string[]) =>
  recordIds.length === 0
    ? Promise.resolve([])
    : rows(tx, sql<LinkRow>`select ${columns} from link where record_id = any(${recordIds}::uuid[])`)

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
    from jsonb_to_recordset(${json(links)}) as r(id uuid, "connectionId" uuid, object text, entity text, "externalId" text, "recordId" uuid, state text, base jsonb, seen bigint, "heldReason" text)
    on conflict do nothing`.execute(tx)
}

export interface LinkChange {
  id: string
  externalId?: string | null
  recordId?: string | null
  state?: LinkState
  /** Entries put over the present base. */
  base?: Base
  seen?: number
  wrote?: number
  openWrite?: number | null
}

/** Changes links; each change raises `rev` and marks the link for open tickets. */
export async function updateLinks(tx: Tx, changes: LinkChange[]): Promise<void> {
  if (changes.length === 0) return
  // One row per link: an UPDATE takes only one of several rows that match it.
  const byId = new Map<string, LinkChange>()
  for (const c of changes) byId.set(c.id, { ...byId.get(c.id), ...c, base: { ...byId.get(c.id)?.base, ...c.base } })
  const full = [...byId.values()].map((c) => ({ ...c, keepWrite: c.openWrite === undefined }))
  await sql`update link set
      external_id = coalesce(r."externalId", link.external_id), record_id = coalesce(r."recordId", link.record_id), state = coalesce(r.state, link.state),
      base = link.base || r.base, seen = greatest(link.seen, coalesce(r.seen, 0)), wrote = greatest(link.wrote, coalesce(r.wrote, 0)),
      open_write = case when r."keepWrite" then link.open_write else r."openWrite" end, rev = rev + 1, changed = pg_current_xact_id()
    from jsonb_to_recordset(${json(full)}) as r(id uuid, "externalId" text, "recordId" uuid, state text, base jsonb, seen bigint, wrote bigint, "openWrite" bigint, "keepWrite" boolean)
    where link.id = r.id`.execute(tx)
}

/**
 * Creating links, and their outbox rows, for records that have no link on a connection yet: one statement
 * for any number of records. Records in an open review there are left out.
 */
export async function fanOut(
  tx: Tx,
  connectionId: string,
  object: string,
  entity: string,
  recordIds?: string[],
): Promise<number> {
  const only = recordIds ? sql`and record.id = any(${recordIds}::uuid[])` : sql``
  const found = await rows(
    tx,
    sql<{ n: number }>`
    with missing as (
      select record.id, record.created_at as born from record
      where entity = ${entity} and deleted_at is null ${only}
        and not exists (select 1 from link where link.record_id = record.id and link.connection_id = ${connectionId} and link.state <> 'dead')
        and not exists (select 1 from match where match.state = 'open' and match.connection_id = ${connectionId} and record.id = any(match.record_ids))
    ), made as (
      insert into link (id, connection_id, object, entity, record_id, state, base)
      select gen_random_uuid(), ${connectionId}, ${object}, ${entity}, id, 'creating', '{}' from missing on conflict do nothing returning id, record_id
    ), queued as (
      insert into outbox (link_id, connection_id, entity, born) select made.id, ${connectionId}, ${entity}, missing.born from made join missing on missing.id = made.record_id returning 1
    ) select count(*) as n from queued`,
  )
  return found[0]?.n ?? 0
}

/** Ids of external records -> records they are linked to, for references. Follows merges. */
export const recordsOfExternal = (tx: Tx, connectionId: string, objects: string[], externalIds: string[]) =>
  externalIds.length === 0
    ? Promise.resolve([])
    : rows(
        tx,
        sql<{ externalId: string; recordId: string; entity: string }>`
    select external_id as "externalId", record_id as "recordId", entity from link
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

/** Rows on a connection whose records point at these parents, counted per parent and entity. */
export async function childrenOf(
  tx: Tx,
  connectionId: string,
  references: { entity: string; field: string }[],
  parents: string[],
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
    group by 1, 2`,
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

// --- writes -----------------------------------------------------------------------------------------

const writeColumns = sql.raw(
  `id, link_id as "linkId", record_id as "recordId", kind, state, fields, read_version as "readVersion", read_clock as "readClock", (extract(epoch from sent_at) * 1000)::bigint as "sentAt"`,
)

export const readWrites = (tx: Tx, ids: number[]) =>
  ids.length === 0
    ? Promise.resolve([])
    : rows(tx, sql<WriteRow>`select ${writeColumns} from write where id = any(${ids}::bigint[])`)

export interface NewWrite {
  linkId: string
  recordId: string
  kind: WriteRow['kind']
  fields: Record<string, WriteField>
  readVersion: number
  readClock: number
}

/** Commits the intent of a batch of writes before the request leaves: link -> write id. */
export async function insertWrites(
  tx: Tx,
  connectionId: string,
  batch: string,
  runId: string | null,
  writes: NewWrite[],
): Promise<Map<string, number>> {
  const made = await rows(
    tx,
    sql<{ id: number; linkId: string }>`
    with made as (
      insert into write (batch, run_id, connection_id, link_id, record_id, kind, state, fields, read_version, read_clock)
      select ${batch}, ${runId}::uuid, ${connectionId}, r."linkId", r."recordId", r.kind, 'sent', r.fields, r."readVersion", r."readClock"
      from jsonb_to_recordset(${json(writes)}) as r("linkId" uuid, "recordId" uuid, kind text, fields jsonb, "readVersion" bigint, "readClock" bigint)
      returning id, link_id
    ), marked as (
      update link set open_write = made.id, rev = rev + 1, changed = pg_current_xact_id() from made where link.id = made.link_id returning 1
    ) select id, link_id as "linkId" from made`,
  )
  return new Map(made.map((m) => [m.linkId, m.id]))
}

/** Records how writes ended. */
export async function answerWrites(tx: Tx, answers: { id: number; state: WriteRow['state']; error?: unknown }[]): Promise<void> {
  if (answers.length === 0) return
  await sql`update write set state = r.state, answered_at = clock_timestamp(), error = coalesce(r.error, write.error)
    from jsonb_to_recordset(${json(answers)}) as r(id bigint, state text, error jsonb) where write.id = r.id`.execute(tx)
}

/** Marks the fields of writes that followed in a call of their own as sent. */
export async function followed(tx: Tx, ids: number[]): Promise<void> {
  if (ids.length > 0)
    await sql`update write set fields = (select jsonb_object_agg(key, value - 'later') from jsonb_each(fields)) where id = any(${ids}::bigint[])`.execute(
      tx,
    )
}
