import { sql } from 'kysely'
import { json, rows, type Tx } from './database.ts'

/** What people have said about rows and records: the same thing, or not. Nothing overturns it silently. */

export interface Answer {
  connectionId: string
  object: string
  externalId: string
  recordId: string
  same: boolean
}

export async function putAnswers(tx: Tx, answers: readonly Answer[]): Promise<void> {
  if (answers.length === 0) return
  // A row is one record: a new answer stands instead of an older one.
  for (const a of answers.filter((x) => x.same))
    await sql`delete from match_answer where connection_id = ${a.connectionId} and object = ${a.object} and external_id = ${a.externalId} and same`.execute(
      tx,
    )
  await sql`insert into match_answer (connection_id, object, external_id, record_id, same)
    select r."connectionId", r.object, r."externalId", r."recordId", r.same
    from jsonb_to_recordset(${json(answers)}) as r("connectionId" uuid, object text, "externalId" text, "recordId" uuid, same boolean)
    on conflict (workspace_id, connection_id, object, external_id, record_id) do update set same = excluded.same, at = clock_timestamp()`.execute(
    tx,
  )
}

/** What was said about rows of one object. A record that was merged since stands for what it was merged into. */
export const answersOf = (tx: Tx, connectionId: string, object: string, externalIds: readonly string[]) =>
  externalIds.length === 0
    ? Promise.resolve([])
    : rows(
        tx,
        sql<Pick<Answer, 'externalId' | 'recordId' | 'same'>>`
    with recursive hop as (
      select external_id, record_id, same, at from match_answer
      where connection_id = ${connectionId} and object = ${object} and external_id = any(${externalIds}::text[])
      union select hop.external_id, r.to_id, hop.same, hop.at from hop join record_redirect r on r.from_id = hop.record_id
    ) select external_id as "externalId", record_id as "recordId", same from hop
    where not exists (select 1 from record_redirect r where r.from_id = hop.record_id) order by at`,
      )

export interface MatchRow {
  id: string
  entity: string
  connectionId: string
  object: string
  externalId: string
  recordIds: string[]
  state: string
  reason: string
  /** What the match engine says of records of their own. */
  verdict: string | null
}

const matchColumns = sql`id, entity, connection_id as "connectionId", object, external_id as "externalId", record_ids as "recordIds", state, reason, explanation ->> 'verdict' as verdict`

export const lockMatch = async (tx: Tx, id: string): Promise<MatchRow | undefined> =>
  (await rows(tx, sql<MatchRow>`select ${matchColumns} from match where id = ${id} for update`))[0]

/** Reviews that wait, by their ids. */
export const openMatches = (
  tx: Tx,
  {
    entity,
    connectionId,
    limit,
    after,
  }: { entity?: string | undefined; connectionId?: string | undefined; limit: number; after?: string | undefined },
) =>
  rows(
    tx,
    sql<MatchRow>`select ${matchColumns} from match where state in ('open', 'possible') ${entity ? sql`and entity = ${entity}` : sql``}
    ${connectionId ? sql`and connection_id = ${connectionId}` : sql``} ${after ? sql`and id > ${after}` : sql``} order by id limit ${limit} for update`,
  )

export async function changeMatch(tx: Tx, id: string, state: 'accepted' | 'rejected'): Promise<void> {
  await sql`update match set state = ${state} where id = ${id}`.execute(tx)
}

/** Takes away the link of a row that waited for a person, so that the row is new again. */
export async function releaseHeld(tx: Tx, connectionId: string, object: string, externalId: string): Promise<void> {
  await sql`delete from link where connection_id = ${connectionId} and object = ${object} and external_id = ${externalId} and state = 'held'`.execute(
    tx,
  )
}
