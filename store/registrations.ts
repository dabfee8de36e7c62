import { hash } from 'node:crypto'
import { sql } from 'kysely'
import { json, rows, type Tx } from './database.ts'

/** Deal registrations: where each stands, what was found beside it, and how it came there. */

export interface RegistrationRow {
  recordId: string
  /** Place in the order of first checks; null before that. */
  seq: number | null
  state: string
  standing: string | null
  /** The registration that came first, of one that is second. */
  behind: string | null
  partnerId: string | null
  product: string | null
  findings: unknown[]
  rules: number | null
  decision: { rule: string; why: string; told: string } | null
  remindAt: Date | null
  dueAt: Date | null
  reminded: boolean
  breached: boolean
  protectedUntil: Date | null
  extensions: number
  dealId: string | null
  submittedAt: Date
  decidedAt: Date | null
}

const columns = sql`record_id as "recordId", seq, state, standing, behind, partner_id as "partnerId", product, findings, rules, decision, remind_at as "remindAt", due_at as "dueAt", reminded, breached,
  protected_until as "protectedUntil", extensions, deal_id as "dealId", submitted_at as "submittedAt", decided_at as "decidedAt"`

export const lockRegistration = async (tx: Tx, id: string): Promise<RegistrationRow | undefined> =>
  (await rows(tx, sql<RegistrationRow>`select ${columns} from registration where record_id = ${id} for update`))[0]

export const readRegistrations = (tx: Tx, ids: readonly string[]): Promise<RegistrationRow[]> =>
  ids.length === 0
    ? Promise.resolve([])
    : rows(tx, sql<RegistrationRow>`select ${columns} from registration where record_id = any(${ids}::uuid[])`)

export async function insertRegistration(tx: Tx, recordId: string, state: string): Promise<void> {
  await sql`insert into registration (record_id, state) values (${recordId}, ${state})`.execute(tx)
}

export type RegistrationChange = Partial<Omit<RegistrationRow, 'recordId' | 'submittedAt'>>

export async function changeRegistration(tx: Tx, recordId: string, change: RegistrationChange): Promise<void> {
  const set = Object.entries(change).map(([name, value]) => {
    const column = sql.ref(name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`))
    return sql`${column} = ${name === 'findings' || name === 'decision' ? json(value) : value}`
  })
  if (set.length > 0) await sql`update registration set ${sql.join(set, sql`, `)} where record_id = ${recordId}`.execute(tx)
}

/** The next place in the order. Taken under the locks of its keys, so that it is the order of commits too. */
export async function nextPlace(tx: Tx): Promise<number> {
  return Number((await rows(tx, sql<{ n: number }>`select nextval('registration_seq') as n`))[0]!.n)
}

/**
 * Holds keys until the transaction ends: two registrations that could be about one account wait for each other. Always
 * in the same order, so that none waits in a ring.
 */
export async function holdKeys(tx: Tx, workspace: string, keys: readonly string[]): Promise<void> {
  const numbers = [...new Set(keys.map((k) => Number.parseInt(hash('md5', `${workspace} ${k}`).slice(0, 13), 16)))].sort(
    (a, b) => a - b,
  )
  await sql`select pg_advisory_xact_lock(k) from unnest(${numbers}::bigint[]) as k`.execute(tx)
}

// --- what is to be checked ------------------------------------------------------------------------------

export async function areThere(tx: Tx): Promise<boolean> {
  return (await rows(tx, sql<{ n: number }>`select 1 as n from registration limit 1`)).length > 0
}

export async function demandChecks(tx: Tx, ids: readonly string[]): Promise<void> {
  if (ids.length > 0)
    await sql`insert into registration_due (record_id) select unnest(${[...new Set(ids)].sort()}::uuid[]) on conflict (record_id, workspace_id)
      do update set rev = registration_due.rev + 1, not_before = least(registration_due.not_before, clock_timestamp())`.execute(
      tx,
    )
}

/** Those that wait, in the order in which they came. */
export const dueChecks = (tx: Tx, limit: number) =>
  rows(
    tx,
    sql<{
      recordId: string
      rev: number
    }>`select d.record_id as "recordId", d.rev from registration_due d left join registration r on r.record_id = d.record_id
      where d.not_before <= clock_timestamp() order by r.seq nulls last, d.record_id limit ${limit}`,
  )

export async function finishCheck(tx: Tx, recordId: string, rev: number): Promise<void> {
  await sql`delete from registration_due where record_id = ${recordId} and rev = ${rev}`.execute(tx)
}

/** One that failed does not stop the others: it is tried again later, and later still. */
export async function putOffCheck(tx: Tx, recordId: string): Promise<void> {
  await sql`update registration_due set attempts = attempts + 1, not_before = clock_timestamp() + least(3600, 2 ^ least(attempts, 11)) * interval '1 second' where record_id = ${recordId}`.execute(
    tx,
  )
}

/** Registrations that wait behind one. */
export const behind = async (tx: Tx, id: string): Promise<string[]> =>
  (await rows(tx, sql<{ id: string }>`select record_id as id from registration where behind = ${id} order by seq`)).map(
    (r) => r.id,
  )

export const ofDeals = async (tx: Tx, dealIds: readonly string[]): Promise<string[]> =>
  dealIds.length === 0
    ? []
    : (
        await rows(
          tx,
          sql<{
            id: string
          }>`select record_id as id from registration where deal_id = any(${dealIds}::uuid[]) and state = 'approved'`,
        )
      ).map((r) => r.id)

// --- the clock ------------------------------------------------------------------------------------------

/** What time brings about: reminders, breaches, ends of protection. */
export const timedOut = (tx: Tx, now: number, limit: number) =>
  rows(
    tx,
    sql<{ recordId: string; what: 'remind' | 'breach' | 'expire' }>`
    select record_id as "recordId", 'expire' as what from registration where state = 'approved' and protected_until <= to_timestamp(${now} / 1000.0)
    union all select record_id, 'breach' from registration where state in ('submitted', 'under_review') and not breached and due_at <= to_timestamp(${now} / 1000.0)
    union all select record_id, 'remind' from registration where state in ('submitted', 'under_review') and not reminded and not breached and remind_at <= to_timestamp(${now} / 1000.0) and due_at > to_timestamp(${now} / 1000.0)
    limit ${limit}`,
  )

// --- what happened --------------------------------------------------------------------------------------

export interface RegistrationEvent {
  recordId: string
  what: string
  from: string | null
  to: string | null
  by: string
  why: string
  rules: number | null
  evidence: unknown
}

export async function appendEvent(tx: Tx, e: RegistrationEvent): Promise<void> {
  await sql`insert into registration_event (record_id, what, "from", "to", by, why, rules, evidence)
    values (${e.recordId}, ${e.what}, ${e.from}, ${e.to}, ${e.by}, ${e.why}, ${e.rules}, ${json(e.evidence)})`.execute(tx)
}

export const eventsOf = (tx: Tx, recordId: string) =>
  rows(
    tx,
    sql<
      RegistrationEvent & { at: Date }
    >`select record_id as "recordId", at, what, "from", "to", by, why, rules, evidence from registration_event where record_id = ${recordId} order by id`,
  )

export const listRegistrations = (
  tx: Tx,
  { state, limit, cursor }: { state?: string | undefined; limit: number; cursor?: string | undefined },
) =>
  rows(
    tx,
    sql<RegistrationRow & { accountName: string | null; dealName: string | null }>`
    select ${columns}, record.fields #>> '{accountName,v}' as "accountName", record.fields #>> '{dealName,v}' as "dealName"
    from registration join record on record.id = registration.record_id where true ${state ? sql`and state = ${state}` : sql``} ${cursor ? sql`and record_id > ${cursor}` : sql``}
    order by record_id limit ${limit}`,
  )

// --- rules ----------------------------------------------------------------------------------------------

export interface RulesRow {
  version: number
  text: string
  at: Date
  by: string
}

const rulesColumns = sql`version, text, at, by`

export const currentRules = async (tx: Tx): Promise<RulesRow | undefined> =>
  (await rows(tx, sql<RulesRow>`select ${rulesColumns} from rules order by version desc limit 1`))[0]

export const listRules = (tx: Tx) => rows(tx, sql<RulesRow>`select ${rulesColumns} from rules order by version`)

/** @returns the new version. */
export async function putRules(tx: Tx, text: string, by: string): Promise<number> {
  const [made] = await rows(
    tx,
    sql<{
      version: number
    }>`insert into rules (version, text, by) select coalesce(max(version), 0) + 1, ${text}, ${by} from rules returning version`,
  )
  return made!.version
}
