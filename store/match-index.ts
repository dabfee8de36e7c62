import { hash } from 'node:crypto'
import { sql } from 'kysely'
import { json, rows, type Tx } from './database.ts'

/** Where records are found by what they hold: keys, counts of values, and which records are still to be looked at. */

/** Keys and values are stored by a digest that a number holds exactly. */
const digest = (text: string): number => Number.parseInt(hash('md5', text).slice(0, 13), 16)

export interface Due {
  recordId: string
  rev: number
}

/** Records that were made or changed since they were last looked at, those that wait longest first. */
export const dueRecords = (tx: Tx, limit: number): Promise<Due[]> =>
  rows(tx, sql<Due>`select record_id as "recordId", rev from match_due order by record_id limit ${limit}`)

/** One that was changed meanwhile stays due. */
export async function finishDue(tx: Tx, due: readonly Due[]): Promise<void> {
  if (due.length > 0)
    await sql`delete from match_due using unnest(${due.map((d) => d.recordId)}::uuid[], ${due.map((d) => d.rev)}::int[]) as d(record_id, rev)
      where match_due.record_id = d.record_id and match_due.rev = d.rev`.execute(tx)
}

/** Only one check of a workspace runs at a time: what two of them find in each other's records would be missed. */
export async function holdMatching(tx: Tx): Promise<boolean> {
  const [found] = await rows(
    tx,
    sql<{
      held: boolean
    }>`select pg_try_advisory_xact_lock(hashtextextended('match ' || current_setting('app.workspace'), 0)) as held`,
  )
  return found!.held
}

/** A record as it is found by others. No keys: it is gone, or says nothing. */
export interface Indexed {
  recordId: string
  entity: string
  keys: string[]
  /** Values that are counted. */
  terms: string[]
}

interface Stored {
  recordId: string
  keys: number[]
  terms: number[]
}

/** Puts what records hold now in the place of what they held; counts follow. @returns those of which anything has changed. */
export async function putIndexed(tx: Tx, indexed: readonly Indexed[]): Promise<Set<string>> {
  const changed = new Set<string>()
  if (indexed.length === 0) return changed
  const before = new Map(
    (
      await rows(
        tx,
        sql<Stored>`select record_id as "recordId", keys, terms from match_subject where record_id = any(${indexed.map((i) => i.recordId)}::uuid[])`,
      )
    ).map((s) => [s.recordId, s]),
  )
  const added: { key: number; id: string; entity: string }[] = []
  const removed: { key: number; id: string }[] = []
  const counts = new Map<number, number>()
  const put: (Stored & { entity: string })[] = []
  for (const { recordId, entity, keys, terms } of indexed) {
    const old = before.get(recordId)
    const now = { recordId, entity, keys: [...new Set(keys.map(digest))], terms: [...new Set(terms.map(digest))] }
    const [oldKeys, oldTerms] = [new Set(old?.keys), new Set(old?.terms)]
    const [newKeys, newTerms] = [new Set(now.keys), new Set(now.terms)]
    const gone = [...oldKeys].filter((k) => !newKeys.has(k))
    const come = now.keys.filter((k) => !oldKeys.has(k))
    const terms_ = [...now.terms.filter((t) => !oldTerms.has(t)), ...[...oldTerms].filter((t) => !newTerms.has(t))]
    if (old && gone.length + come.length + terms_.length === 0) continue
    if (!old && now.keys.length === 0) continue
    changed.add(recordId)
    put.push(now)
    removed.push(...gone.map((key) => ({ key, id: recordId })))
    added.push(...come.map((key) => ({ key, id: recordId, entity })))
    for (const t of terms_) counts.set(t, (counts.get(t) ?? 0) + (newTerms.has(t) ? 1 : -1))
  }
  if (put.length === 0) return changed
  if (removed.length > 0)
    await sql`delete from match_key using unnest(${removed.map((r) => r.key)}::bigint[], ${removed.map((r) => r.id)}::uuid[]) as r(key, id)
      where match_key.key = r.key and match_key.record_id = r.id`.execute(tx)
  if (added.length > 0)
    await sql`insert into match_key (key, record_id, entity) select * from unnest(${added.map((a) => a.key)}::bigint[], ${added.map((a) => a.id)}::uuid[], ${added.map((a) => a.entity)}::text[])
      on conflict do nothing`.execute(tx)
  await sql`insert into match_subject (record_id, entity, keys, terms)
    select r."recordId", r.entity, array(select jsonb_array_elements_text(r.keys)::bigint), array(select jsonb_array_elements_text(r.terms)::bigint)
    from jsonb_to_recordset(${json(put)}) as r("recordId" uuid, entity text, keys jsonb, terms jsonb)
    on conflict (record_id, workspace_id) do update set keys = excluded.keys, terms = excluded.terms`.execute(tx)
  const steps = [...counts].filter(([, n]) => n !== 0).sort(([a], [b]) => a - b)
  if (steps.length > 0)
    await sql`insert into match_census (term, n) select * from unnest(${steps.map(([t]) => t)}::bigint[], ${steps.map(([, n]) => n)}::bigint[])
      on conflict (term, workspace_id) do update set n = match_census.n + excluded.n`.execute(tx)
  return changed
}

/** What is looked for: a record, or something that is not stored yet, by its keys. */
export interface Asked {
  id: string
  keys: string[]
}

/**
 * The records that share most with each, the likeliest first: a key weighs the more the fewer hold it. One that more than
 * `most` hold tells nothing.
 *
 * @param world how many records there are.
 * @param pool answers for one of those that are asked about.
 */
export async function candidatesOf(
  tx: Tx,
  asked: readonly Asked[],
  { among, most, pool, world }: { among: readonly string[]; most: number; pool: number; world: number },
): Promise<Map<string, string[]>> {
  const wanted = asked.flatMap(({ keys }, n) => [...new Set(keys)].map((key) => ({ n, key: digest(key) })))
  if (wanted.length === 0) return new Map()
  const found = await rows(
    tx,
    sql<{ n: number; recordId: string }>`
    with held as (
      select a.n, m.record_id, ln(${world + 1}::float8 / m.total) as worth from unnest(${wanted.map((w) => w.n)}::int[], ${wanted.map((w) => w.key)}::bigint[]) as a(n, key)
      cross join lateral (
        select record_id, entity, count(*) over () as total from (select record_id, entity from match_key where match_key.key = a.key limit ${most + 1}) as h
      ) as m where m.total <= ${most} and m.entity = any(${[...among]}::text[]) and m.record_id <> (${asked.map((a) => a.id)}::uuid[])[a.n + 1]
    ), summed as (select n, record_id, round(sum(worth)::numeric, 6) as worth from held group by n, record_id),
    ranked as (select n, record_id, row_number() over (partition by n order by worth desc, record_id) as place from summed)
    select n, record_id as "recordId" from ranked where place <= ${pool} order by n, place`,
  )
  return new Map([...Map.groupBy(found, (f) => f.n)].map(([n, of]) => [asked[n]!.id, of.map((f) => f.recordId)]))
}

/** How many records hold each of these values; those that nobody holds are left out. */
export async function countsOf(tx: Tx, terms: readonly string[]): Promise<Map<string, number>> {
  const unique = [...new Set(terms)]
  if (unique.length === 0) return new Map()
  const found = await rows(
    tx,
    sql<{
      i: number
      n: number
    }>`select k.i, c.n from unnest(${unique.map(digest)}::bigint[]) with ordinality as k(term, i) join match_census c on c.term = k.term where c.n > 0`,
  )
  return new Map(found.map(({ i, n }) => [unique[Number(i) - 1]!, Number(n)]))
}

/** Every record under a key, however many. */
export const allUnder = async (tx: Tx, keys: readonly string[], entity: string): Promise<Map<string, string[]>> => {
  const unique = [...new Set(keys)]
  if (unique.length === 0) return new Map()
  const found = await rows(
    tx,
    sql<{
      n: number
      recordId: string
    }>`select k.n, m.record_id as "recordId" from unnest(${unique.map(digest)}::bigint[]) with ordinality as k(key, n)
      join match_key m on m.key = k.key and m.entity = ${entity}`,
  )
  return new Map([...Map.groupBy(found, (f) => unique[Number(f.n) - 1]!)].map(([key, of]) => [key, of.map((f) => f.recordId)]))
}

/** Bits that people's answers have added to the scores, by kind. */
export async function shifts(tx: Tx): Promise<Partial<Record<string, number>>> {
  const [found] = await rows(tx, sql<{ value: Record<string, number> }>`select value from setting where key = 'match shifts'`)
  return found?.value ?? {}
}

export async function putShifts(tx: Tx, value: Partial<Record<string, number>>): Promise<void> {
  await sql`insert into setting (key, value) values ('match shifts', ${json(value)}) on conflict (workspace_id, key) do update set value = excluded.value`.execute(
    tx,
  )
}

/** Pairs that were scored: those that people have answered, and those that wait. */
export const scoredMatches = (tx: Tx) =>
  rows(
    tx,
    sql<{ entity: string; state: 'accepted' | 'rejected' | 'possible'; score: number; shift: number; verdict: string }>`
    select entity, state, (explanation ->> 'score')::float8 as score, coalesce((explanation ->> 'shift')::float8, 0) as shift, explanation ->> 'verdict' as verdict
    from match where explanation is not null and state in ('accepted', 'rejected', 'possible')`,
  )
