import { same } from '../mappings/model/value.ts'
import type { RawRow } from '../mappings/schema.ts'
import type { Connector, Snapshot } from './connector.ts'
import { CrmError, type ErrorClass } from './errors.ts'

/** What every connector must do, as rules that can be run against any of them on a CRM one may play with. */

/** A connector on an empty object of a CRM, and the means to make things happen there behind its back. */
export interface Subject {
  connector: Connector
  object: string
  /** Columns to read; one of them holds a number where the CRM's wire has numbers. */
  columns: string[]
  externalId: string
  /** Makes rows in one go: their versions are equal. */
  create(count: number): Promise<string[]>
  remove(id: string): Promise<void>
  /** The row as the CRM's own API shows it. */
  wireRow(id: string): Promise<RawRow>
  /** Lets the next requests fail. */
  fail(how: 'unavailable' | 'rate_limited', times: number): Promise<void>
  /** Requests the CRM has had. */
  requests(): number
  /** Ends the token in use; the wire hands out a new one from now on. */
  replaceToken(): Promise<void>
}

interface Rule {
  name: string
  /** Answers what is wrong, or nothing. */
  check(subject: Subject): Promise<string | undefined>
}

async function listAll({ connector, object, columns }: Subject): Promise<Snapshot[]> {
  const found: Snapshot[] = []
  let after: string | undefined
  do {
    const page = await connector.list({ object, columns, after })
    found.push(...page.snapshots)
    after = page.after
  } while (after)
  return found
}

/** The class of the error that a call ends with; undefined when it succeeds. */
async function failureOf(call: Promise<unknown>): Promise<ErrorClass | 'no CrmError' | undefined> {
  try {
    await call
    return undefined
  } catch (error) {
    return error instanceof CrmError ? error.class : 'no CrmError'
  }
}

const lost = (wanted: string[], found: Snapshot[]) => wanted.filter((id) => !found.some((s) => s.id === id)).length

export const RULES: Rule[] = [
  {
    name: 'the complete list holds every row, the last page included',
    async check(s) {
      const ids = await s.create(s.connector.batch.list > 500 ? 30 : 230)
      const missing = lost(ids, await listAll(s))
      return missing > 0 ? `${missing} of ${ids.length} rows are missing` : undefined
    },
  },
  {
    name: 'changes hold every row, also where many share one instant',
    async check(s) {
      const ids = await s.create(50)
      const [first] = await s.connector.readByIds({ object: s.object, ids: ids.slice(0, 1), columns: s.columns })
      const [page] = await s.connector.changes([
        { object: s.object, columns: s.columns, since: { version: first!.version, id: '' } },
      ])
      const missing = lost(ids, page!.snapshots)
      return missing > 0 ? `${missing} of ${ids.length} rows with the same version are missing` : undefined
    },
  },
  {
    name: 'a row that was refused is not reported as written, and the others are',
    async check(s) {
      const [good, gone] = await s.create(2)
      await s.remove(gone!)
      const row = { [s.columns[0]!]: 'Renamed' }
      const outcomes = await s.connector.update({
        object: s.object,
        rows: [
          { id: good!, row },
          { id: gone!, row },
        ],
      })
      if (outcomes.length !== 2) return `${outcomes.length} outcomes for 2 rows`
      if (!outcomes[0]!.ok) return `the good row was refused: ${outcomes[0]!.error.message}`
      return outcomes[1]!.ok ? 'the deleted row is reported as written' : undefined
    },
  },
  {
    name: 'a failed call is made once and thrown as classified: retries are not its business',
    async check(s) {
      await s.fail('unavailable', 1)
      const before = s.requests()
      const failure = await failureOf(s.connector.list({ object: s.object, columns: s.columns }))
      if (s.requests() - before > 1) return `${s.requests() - before} requests were made`
      return failure === 'unavailable' ? undefined : `it ended with ${failure ?? 'success'}`
    },
  },
  {
    name: 'a call that was refused for its rate is thrown, not answered with nothing',
    async check(s) {
      await s.fail('rate_limited', 1)
      const failure = await failureOf(s.connector.list({ object: s.object, columns: s.columns }))
      return failure === 'rate_limited' || failure === 'quota_exhausted' ? undefined : `it ended with ${failure ?? 'success'}`
    },
  },
  {
    name: 'values are handed on as they are on the wire, numbers as numbers',
    async check(s) {
      const [id] = await s.create(1)
      const [snapshot] = await s.connector.readByIds({ object: s.object, ids: [id!], columns: s.columns })
      const wire = await s.wireRow(id!)
      const wrong = s.columns.find((c) => !same(snapshot!.row[c], wire[c]))
      return wrong
        ? `${wrong} is ${JSON.stringify(wire[wrong])} on the wire and was read as ${JSON.stringify(snapshot!.row[wrong])}`
        : undefined
    },
  },
  {
    name: 'a deleted or archived row is read as deleted, not as missing',
    async check(s) {
      const [id] = await s.create(1)
      await s.remove(id!)
      const [snapshot] = await s.connector.readByIds({ object: s.object, ids: [id!], columns: s.columns })
      return snapshot?.deleted ? undefined : snapshot ? 'it is read as living' : 'it is missing'
    },
  },
  {
    name: 'each call uses the token that is valid now',
    async check(s) {
      await s.connector.list({ object: s.object, columns: s.columns })
      await s.replaceToken()
      const failure = await failureOf(s.connector.list({ object: s.object, columns: s.columns }))
      return failure ? `after the token was replaced a call ended with ${failure}` : undefined
    },
  },
  {
    name: 'a create that is repeated does not make a twin',
    async check(s) {
      const key = `00000000-0000-4000-8000-${String(s.requests()).padStart(12, '0')}`
      const make = () =>
        s.connector.create({ object: s.object, externalId: s.externalId, rows: [{ key, row: { [s.columns[0]!]: 'Made once' } }] })
      const [one] = await make()
      const [two] = await make()
      if (!one!.ok) return `the create was refused: ${one!.error.message}`
      if (two!.ok) return two!.id === one!.id ? undefined : 'a second row was made'
      return two!.error.class === 'duplicate_value' ? undefined : `the repeat ended with ${two!.error.class}`
    },
  },
]

/** Runs every rule; answers those that are broken. */
export async function conformance(subject: Subject): Promise<{ rule: string; problem: string }[]> {
  const broken: { rule: string; problem: string }[] = []
  for (const rule of RULES) {
    const problem = await rule.check(subject).catch((error: Error) => `it threw: ${error.message}`)
    if (problem) broken.push({ rule: rule.name, problem })
  }
  return broken
}
