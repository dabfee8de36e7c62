import { sql } from 'kysely'
import { json, rows, type Tx } from './database.ts'

/** Results of complete comparisons, and samples of what is compared. */

export async function storeVerification(tx: Tx, id: string, summary: unknown, differences: unknown): Promise<void> {
  await sql`insert into verification (id, summary, differences) values (${id}, ${json(summary)}, ${json(differences)})`.execute(
    tx,
  )
}

export const lastVerification = async (tx: Tx) =>
  (
    await rows(
      tx,
      sql<{
        id: string
        at: Date
        summary: Record<string, unknown>
        differences: unknown[]
      }>`select id, at, summary, differences from verification order by at desc limit 1`,
    )
  )[0]

/** Results over time, the latest first: whether the systems drift. */
export const listVerifications = (tx: Tx, limit: number) =>
  rows(
    tx,
    sql<{
      id: string
      at: Date
      summary: Record<string, unknown>
    }>`select id, at, summary from verification order by at desc limit ${limit}`,
  )

/** Live links of a connection, drawn by a seed, and how many there are. */
export async function drawLinks(tx: Tx, connectionId: string, objects: string[], count: number, seed: string) {
  const [total] = await rows(
    tx,
    sql<{
      n: number
    }>`select count(*) as n from link where connection_id = ${connectionId} and state = 'live' and object = any(${objects}::text[])`,
  )
  const drawn = await rows(
    tx,
    sql<{ object: string; externalId: string }>`select object, external_id as "externalId" from link
    where connection_id = ${connectionId} and state = 'live' and object = any(${objects}::text[]) order by md5(id::text || ${seed}) limit ${count}`,
  )
  return { drawn, all: total!.n }
}
