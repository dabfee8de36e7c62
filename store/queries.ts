import { sql } from 'kysely'
import type { Base, Fields, WriteField } from '../mappings/state.ts'
import { baseOf, fieldsOf, type Provenance, writeOf } from './compact.ts'
import { rows, type Tx } from './database.ts'

/** Reads for people: lists with cursors, counts, one record with its links. */

export interface RecordView {
  id: string
  entity: string
  fields: Record<string, { v: unknown; n: number; o: string }>
  version: number
  deleted: boolean
  frozen: string | null
  createdAt: Date
  updatedAt: Date
}
const recordColumns = sql.raw(
  `id, entity, fields, origin, made_at as "madeAt", version, deleted_at is not null as deleted, frozen, created_at as "createdAt", updated_at as "updatedAt"`,
)

/** Records as they are shown: fields complete. */
const viewed = ({ origin, madeAt, ...record }: RecordView & Provenance): RecordView => ({
  ...record,
  fields: fieldsOf(record.fields as Fields, { origin, madeAt }),
})

export const listRecords = async (
  tx: Tx,
  {
    entity,
    q,
    cursor,
    limit,
  }: { entity?: string | undefined; q?: string | undefined; cursor?: string | undefined; limit: number },
) =>
  (
    await rows(
      tx,
      sql<
        RecordView & Provenance
      >`select ${recordColumns} from record where deleted_at is null ${entity ? sql`and entity = ${entity}` : sql``} ${cursor ? sql`and id > ${cursor}` : sql``}
    ${q ? sql`and (fields #>> '{name,v}' ilike ${like(q)} or fields #>> '{domain,v}' ilike ${like(q)} or fields #>> '{email,v}' ilike ${like(q)} or fields #>> '{accountName,v}' ilike ${like(q)} or fields #>> '{dealName,v}' ilike ${like(q)} or fields #>> '{company,v}' ilike ${like(q)} or (fields #>> '{firstName,v}') || ' ' || (fields #>> '{lastName,v}') ilike ${like(q)})` : sql``}
    order by id limit ${limit}`,
    )
  ).map(viewed)
const like = (q: string) => `%${q.replace(/[%_\\]/g, (c) => `\\${c}`)}%`

export const findRecord = async (tx: Tx, id: string) =>
  (await rows(tx, sql<RecordView & Provenance>`select ${recordColumns} from record where id = ${id}`)).map(viewed)[0]

export const redirectOf = async (tx: Tx, id: string) =>
  (await rows(tx, sql<{ to: string }>`select to_id as "to" from record_redirect where from_id = ${id}`))[0]?.to

export const linksView = async (tx: Tx, recordId: string) =>
  (
    await rows(
      tx,
      sql<{
        id: string
        connection: string
        object: string
        externalId: string | null
        state: string
        base: Base
        confirming: boolean
      }>`
    select exists (select 1 from open_write where link_id = link.id) as confirming, link.id, connection.name as connection, link.object, link.external_id as "externalId", link.state, link.base from link join connection on connection.id = link.connection_id
    where record_id = ${recordId} and link.state <> 'dead' order by connection.position`,
    )
  ).map((l) => ({ ...l, base: baseOf(l.base) }))

export const journalOf = (tx: Tx, recordId: string, limit: number, before?: number) =>
  rows(
    tx,
    sql<
      Record<string, unknown>
    >`select change.id, change.kind, coalesce(connection.name, change.origin) as origin, change.version, change.fields, change.at, change.run_id as "runId"
    from change left join connection on connection.id::text = change.origin where record_id = ${recordId} ${before ? sql`and change.id < ${before}` : sql``} order by change.id desc limit ${limit}`,
  )

export const writesOf = async (tx: Tx, recordId: string, limit: number) =>
  (
    await rows(
      tx,
      sql<
        Record<string, unknown> & { fields: Record<string, WriteField> }
      >`select write.id, write.kind, case when refused is not null then 'refused' else coalesce(open_write.state, 'settled') end as state, connection.name as connection, write.fields,
      write.sent_at as "sentAt", write.refused as error
    from write left join open_write on open_write.write_id = write.id join connection on connection.id = write.connection_id where write.link_id in (select id from link where record_id = ${recordId}) order by write.id desc limit ${limit}`,
    )
  ).map((w) => ({ ...w, fields: writeOf(w.fields) }))

/** Connections as they are stored, connected or not. */
export const connectionNames = (tx: Tx) =>
  rows(
    tx,
    sql<{
      name: string
      writesEnabled: boolean
    }>`select name, writes_enabled as "writesEnabled" from connection order by position`,
  )

/** Living records of which a user is owner or manager. */
export const recordsOfUser = async (tx: Tx, email: string): Promise<string[]> =>
  (
    await rows(
      tx,
      sql<{
        id: string
      }>`select id from record where deleted_at is null and (fields -> 'owner' ->> 'v' = ${email} or fields -> 'manager' ->> 'v' = ${email})`,
    )
  ).map((r) => r.id)

export const pauses = (tx: Tx) =>
  rows(tx, sql<{ scope: string; reason: string; at: Date }>`select scope, reason, at from pause order by scope`)

export async function setPause(tx: Tx, scope: string, paused: boolean, reason: string): Promise<void> {
  if (paused)
    await sql`insert into pause (scope, reason) values (${scope}, ${reason}) on conflict (workspace_id, scope) do update set reason = excluded.reason`.execute(
      tx,
    )
  else await sql`delete from pause where scope = ${scope}`.execute(tx)
}

/** Counts per entity: what the summary shows. */
export async function entityCounts(
  tx: Tx,
): Promise<Record<string, { canonical: number; linked: number; review: number; connections: Record<string, number> }>> {
  const canonical = await rows(
    tx,
    sql<{
      entity: string
      n: number
    }>`select entity, count(*) as n from record where deleted_at is null group by entity`,
  )
  const perConnection = await rows(
    tx,
    sql<{
      entity: string
      name: string
      n: number
      held: number
    }>`select link.entity, connection.name, count(*) filter (where link.state in ('live', 'outside', 'held', 'duplicate')) as n, count(*) filter (where link.state = 'held') as held
    from link join connection on connection.id = link.connection_id group by 1, 2`,
  )
  const linked = await rows(
    tx,
    sql<{
      entity: string
      n: number
    }>`select entity, count(*) as n from (select entity, record_id from link where state = 'live' group by entity, record_id having count(distinct connection_id) > 1) x group by entity`,
  )
  const out: Awaited<ReturnType<typeof entityCounts>> = {}
  const of = (entity: string) => {
    out[entity] ??= { canonical: 0, linked: 0, review: 0, connections: {} }
    return out[entity]
  }
  for (const c of canonical) of(c.entity).canonical = c.n
  for (const l of linked) of(l.entity).linked = l.n
  for (const p of perConnection) {
    of(p.entity).connections[p.name] = p.n
    of(p.entity).review += p.held
  }
  return out
}

export const totals = async (tx: Tx) =>
  (
    await rows(
      tx,
      sql<{
        conflicts: number
        deadLetters: number
        frozen: number
        review: number
        possible: number
        records: number
      }>`select (select count(*) from record where frozen_as is not null) as frozen, (select count(*) from conflict where state = 'open') as conflicts, (select count(*) from dead_letter) as "deadLetters",
    (select count(*) from match where state = 'open') as review, (select count(*) from match where state = 'possible') as possible, (select count(*) from record where deleted_at is null) as records`,
    )
  )[0]!

/** What a first start with writing switched off would do: outbox rows by connection, entity and kind. */
export const pendingWrites = (tx: Tx) =>
  rows(
    tx,
    sql<{
      connection: string
      entity: string
      kind: string
      n: number
    }>`select connection.name as connection, outbox.entity, case when record.deleted_at is not null then 'delete' when link.state = 'creating' then 'create' else 'update' end as kind, count(*) as n
    from outbox join link on link.id = outbox.link_id join connection on connection.id = outbox.connection_id join record on record.id = link.record_id group by 1, 2, 3 order by 1, 2, 3`,
  )

export const idempotent = async (tx: Tx, key: string) =>
  (
    await rows(
      tx,
      sql<{
        request: string
        status: number
        body: unknown
      }>`select request, status, body from idempotency where key = ${key}`,
    )
  )[0]

export async function remember(tx: Tx, key: string, request: string, status: number, body: string): Promise<void> {
  await sql`insert into idempotency (key, request, status, body) values (${key}, ${request}, ${status}, ${body}::jsonb) on conflict do nothing`.execute(
    tx,
  )
}

/** Partners of exactly this name, however it is written. */
export const partnersNamed = async (tx: Tx, name: string): Promise<string[]> =>
  (
    await rows(
      tx,
      sql<{
        id: string
      }>`select id from record where entity = 'partner' and deleted_at is null and lower(fields #>> '{name,v}') = lower(${name}) limit 20`,
    )
  ).map((r) => r.id)
