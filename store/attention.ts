import { sql } from 'kysely'
import { rows, type Tx } from './database.ts'
import { LEAVING } from './queues.ts'

/** What a person looks after, as lists: conflicts, reviews, refused values, frozen records, findings, runs, brakes. */

/** Conflicts with the names of the connections that their sides stand for. */
export const listConflicts = async (
  tx: Tx,
  {
    state,
    entity,
    field,
    cursor,
    limit,
  }: { state: string; entity?: string | undefined; field?: string | undefined; cursor?: string | undefined; limit: number },
) =>
  named(
    tx,
    await rows(
      tx,
      sql<ConflictView>`${conflictView} where conflict.state = ${state} ${entity ? sql`and record.entity = ${entity}` : sql``} ${field ? sql`and field = ${field}` : sql``}
      ${cursor ? sql`and conflict.id > ${cursor}` : sql``} order by conflict.id limit ${limit}`,
    ),
  )

export const findConflict = async (tx: Tx, id: string) =>
  (await named(tx, await rows(tx, sql<ConflictView>`${conflictView} where conflict.id = ${id}`)))[0]

type ConflictView = Record<string, unknown> & { sides: { side: string; origin: string }[]; history: { origin: string }[] | null }
const conflictView = sql`select conflict.id, record_id as "recordId", record.entity, coalesce(record.fields #>> '{name,v}', record.fields #>> '{lastName,v}') as name, field, kind, base, sides, policy, why, rev,
    conflict.opened_at as "openedAt", conflict.state, settled_at as "settledAt", settled_by as "settledBy", resolution, history
    from conflict join record on record.id = conflict.record_id`

/** Sides under the names that people and choices call them by: the hub's is the record itself. */
async function named(tx: Tx, found: ConflictView[]): Promise<ConflictView[]> {
  const names = new Map(
    (await rows(tx, sql<{ id: string; name: string }>`select id, name from connection`)).map((c) => [c.id, c.name]),
  )
  const name = (side: string): string => {
    if (side === 'hub') return 'record'
    const [id, ...rest] = side.split(' ')
    return [names.get(id!) ?? id!, ...rest].join('-')
  }
  return found.map((c) => ({
    ...c,
    sides: c.sides.map((s) => ({ ...s, side: name(s.side), origin: name(s.origin) })),
    history: c.history?.map((h) => ({ ...h, origin: name(h.origin) })) ?? null,
  }))
}

const matchView = sql`select match.id, match.entity, connection.name as connection, match.object, match.external_id as "externalId", match.record_ids as "recordIds", match.reason, match.state, match.explanation, match.at,
      (select jsonb_agg(coalesce(r.fields #>> '{name,v}', concat_ws(' ', r.fields #>> '{firstName,v}', r.fields #>> '{lastName,v}')) order by r.id) from record r where r.id = any(match.record_ids)) as names
    from match left join connection on connection.id = match.connection_id`

export const listMatches = (tx: Tx, state: string | undefined, limit: number, cursor?: string) =>
  rows(
    tx,
    sql<
      Record<string, unknown>
    >`${matchView} where ${state ? sql`match.state = ${state}` : sql`match.state in ('open', 'possible')`} ${cursor ? sql`and match.id > ${cursor}` : sql``} order by match.id limit ${limit}`,
  )

export const findMatch = async (tx: Tx, id: string) =>
  (await rows(tx, sql<Record<string, unknown>>`${matchView} where match.id = ${id}`))[0]

export const listDeadLetters = (tx: Tx, limit: number, cursor?: string) =>
  rows(
    tx,
    sql<
      Record<string, unknown>
    >`select d.id, connection.name as connection, d.entity, d.record_id as "recordId", link.object, link.external_id as "externalId", d.field, d.value, d.class, d.message, d.attempts, d.at
    from dead_letter d join connection on connection.id = d.connection_id join link on link.id = d.link_id ${cursor ? sql`where d.id > ${cursor}` : sql``} order by d.id limit ${limit}`,
  )

export const listFrozen = (tx: Tx, limit: number, cursor?: string) =>
  rows(
    tx,
    sql<
      Record<string, unknown>
    >`select id, entity, coalesce(fields #>> '{name,v}', fields #>> '{lastName,v}') as name, frozen_as as "as", frozen as why, deleted_at is not null as deleted
    from record where frozen_as is not null ${cursor ? sql`and id > ${cursor}` : sql``} order by id limit ${limit}`,
  )

export const listFindings = (tx: Tx) =>
  rows(
    tx,
    sql<
      Record<string, unknown>
    >`select connection.name as connection, code, subject, message, count, first_at as "firstAt", last_at as "lastAt" from finding join connection on connection.id = finding.connection_id order by count desc limit 500`,
  )

export const listRuns = (tx: Tx, limit: number, cursor?: string) =>
  rows(
    tx,
    sql<
      Record<string, unknown>
    >`select run.id, run.kind, connection.name as connection, run.state, run.counts, run.started_at as "startedAt", run.finished_at as "finishedAt", run.note from run left join connection on connection.id = run.connection_id
    ${cursor ? sql`where (run.started_at, run.id) < (select started_at, id from run where id = ${cursor})` : sql``} order by run.started_at desc, run.id desc limit ${limit}`,
  )

export const listBrakes = (tx: Tx) =>
  rows(
    tx,
    sql<{
      connection: string
      entity: string
      kind: string
      count: number
      total: number
      state: string
    }>`select connection.name as connection, brake.object as entity, brake.kind, brake.count, brake.total, brake.state from brake join connection on connection.id = brake.connection_id order by brake.at`,
  )

export async function approveBrakes(tx: Tx, connection?: string, entity?: string): Promise<number> {
  const done = await rows(
    tx,
    sql<{
      connectionId: string
    }>`update brake set state = 'approved', at = clock_timestamp() from connection where connection.id = brake.connection_id and brake.state = 'waiting'
    ${connection ? sql`and connection.name = ${connection}` : sql``} ${entity ? sql`and brake.object = ${entity}` : sql``} returning connection.id as "connectionId"`,
  )
  // Rows that seemed to have left are looked at again at once.
  await sql`update inbox set not_before = '-infinity' where connection_id = any(${done.map((d) => d.connectionId)}::uuid[]) and reason = ${LEAVING}`.execute(
    tx,
  )
  return done.length
}
