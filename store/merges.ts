import { sql } from 'kysely'
import type { Fields, LinkRow } from '../mappings/state.ts'
import { json, rows, type Tx } from './database.ts'

/** Records that people have merged, with what they were before. */

/** Both records as they stood, and what pointed at the one that went. */
export interface Before {
  fields: Record<string, Fields>
  links: Pick<LinkRow, 'id' | 'recordId' | 'state' | 'base'>[]
  /** What the survivor took over: where it still says so, it is given back. */
  taken: Fields
  references: { recordId: string; field: string }[]
}

export interface MergeRow {
  id: string
  survivorId: string
  otherId: string
  by: string
  before: Before
  undone: boolean
}

export async function insertMerge(tx: Tx, { choice, ...m }: Omit<MergeRow, 'undone'> & { choice: unknown }): Promise<void> {
  await sql`insert into record_merge (id, survivor_id, other_id, by, before, choice) values (${m.id}, ${m.survivorId}, ${m.otherId}, ${m.by}, ${json(m.before)}, ${json(choice)})`.execute(
    tx,
  )
}

export const lockMerge = async (tx: Tx, id: string): Promise<MergeRow | undefined> =>
  (
    await rows(
      tx,
      sql<MergeRow>`select id, survivor_id as "survivorId", other_id as "otherId", by, before, undone_at is not null as undone from record_merge where id = ${id} for update`,
    )
  )[0]

/** Merges that built on one: of the same records, and not taken back. */
export const laterMerges = (tx: Tx, m: MergeRow) =>
  rows(
    tx,
    sql<{
      id: string
    }>`select id from record_merge where undone_at is null and id > ${m.id} and (survivor_id in (${m.survivorId}, ${m.otherId}) or other_id in (${m.survivorId}, ${m.otherId})) order by id`,
  )

export async function endMerge(tx: Tx, m: MergeRow): Promise<void> {
  await sql`update record_merge set undone_at = clock_timestamp() where id = ${m.id}`.execute(tx)
  await sql`delete from record_redirect where from_id = ${m.otherId} and to_id = ${m.survivorId}`.execute(tx)
}

export const listMerges = (tx: Tx, { limit, cursor }: { limit: number; cursor?: string | undefined }) =>
  rows(
    tx,
    sql<
      Record<string, unknown>
    >`select id, survivor_id as "survivorId", other_id as "otherId", by, at, choice, undone_at as "undoneAt" from record_merge where true ${cursor ? sql`and id < ${cursor}` : sql``} order by id desc limit ${limit}`,
  )
