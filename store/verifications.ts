import { sql } from 'kysely'
import { json, rows, type Tx } from './database.ts'

/** Results of complete comparisons, and samples of what is compared. */

/** Where a verification stands. */
export interface Position {
  /** Objects that are compared already, as connection id and object. */
  done: string[]
  /** The object it is at, and the page it goes on with. */
  at: { connectionId: string; object: string; after: string } | null
}

export interface Running {
  id: string
  position: Position
  summary: Record<string, unknown>
}

/** Nobody has worked on it for so long: whoever did is gone. */
const ABANDONED_MS = 120_000
/** What was seen before is too old to be put together with what is seen now. */
const OUTDATED_MS = 7 * 24 * 3_600_000

/**
 * Begins a verification, or goes on with one that was not finished.
 *
 * @param worker who works on it from now on.
 * @returns `busy` when somebody else is at it.
 */
export async function takeVerification(
  tx: Tx,
  worker: string,
  fresh: { id: string; summary: unknown },
  { anew }: { anew: boolean },
): Promise<(Running & { resumed: boolean }) | 'busy'> {
  await sql`select pg_advisory_xact_lock(hashtextextended('verify' || current_setting('app.workspace'), 0))`.execute(tx)
  const [open] = await rows(
    tx,
    sql<Running & { idle: number; age: number; free: boolean }>`select id, position, summary, worker is null as free,
      extract(epoch from clock_timestamp() - touched) * 1000 as idle, extract(epoch from clock_timestamp() - at) * 1000 as age from verification where state = 'running'`,
  )
  if (open && !anew && !open.free && open.idle < ABANDONED_MS) return 'busy'
  if (open && !anew && open.age < OUTDATED_MS) {
    await sql`update verification set worker = ${worker}, touched = clock_timestamp() where id = ${open.id}`.execute(tx)
    return { id: open.id, position: open.position, summary: open.summary, resumed: true }
  }
  await sql`delete from verification where state = 'running'`.execute(tx)
  await sql`delete from verified_row`.execute(tx)
  const position: Position = { done: [], at: null }
  await sql`insert into verification (id, summary, differences, state, position, worker) values (${fresh.id}, ${json(fresh.summary)}, '[]', 'running', ${json(position)}, ${worker})`.execute(
    tx,
  )
  return { id: fresh.id, position, summary: fresh.summary as Record<string, unknown>, resumed: false }
}

/**
 * One step further: what was found is added, and the place is kept.
 *
 * @returns false when somebody else has taken it over.
 */
export async function stepVerification(
  tx: Tx,
  worker: string,
  { id, position, summary }: Running,
  differences: readonly unknown[],
): Promise<boolean> {
  const done = await rows(
    tx,
    sql<{
      id: string
    }>`update verification set position = ${json(position)}, summary = ${json(summary)}, differences = differences || ${json(differences)}::jsonb, touched = clock_timestamp()
      where id = ${id} and worker = ${worker} returning id`,
  )
  return done.length > 0
}

/** It rests for now, or is finished. */
export async function leaveVerification(tx: Tx, worker: string, id: string, finished: boolean): Promise<void> {
  await sql`update verification set worker = null, state = ${finished ? 'finished' : 'running'}, at = case when ${finished} then clock_timestamp() else at end where id = ${id} and worker = ${worker}`.execute(
    tx,
  )
  if (finished) await sql`delete from verified_row`.execute(tx)
}

/** Rows that the complete list of an object has shown. */
export async function noteSeen(tx: Tx, connectionId: string, object: string, externalIds: string[]): Promise<void> {
  await sql`insert into verified_row (connection_id, object, external_id) select ${connectionId}, ${object}, unnest(${externalIds}::text[]) on conflict do nothing`.execute(
    tx,
  )
}

/** Compared in memory: a plan for a table that was empty a moment ago compares every row with every other. */
export const seenRows = async (tx: Tx, connectionId: string, object: string): Promise<Set<string>> =>
  new Set(
    (
      await rows(
        tx,
        sql<{
          id: string
        }>`select external_id as id from verified_row where connection_id = ${connectionId} and object = ${object}`,
      )
    ).map((r) => r.id),
  )

export async function forgetSeen(tx: Tx, connectionId: string, object: string): Promise<void> {
  await sql`delete from verified_row where connection_id = ${connectionId} and object = ${object}`.execute(tx)
}

/** Differences of a verification, as far as they are listed. */
export const differencesOf = async (tx: Tx, id: string): Promise<unknown[]> =>
  (await rows(tx, sql<{ differences: unknown[] }>`select differences from verification where id = ${id}`))[0]?.differences ?? []

export const lastVerification = async (tx: Tx) =>
  (
    await rows(
      tx,
      sql<{
        id: string
        at: Date
        summary: Record<string, unknown>
        differences: unknown[]
      }>`select id, at, summary, differences from verification where state = 'finished' order by at desc limit 1`,
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
    }>`select id, at, summary from verification where state = 'finished' order by at desc limit ${limit}`,
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
