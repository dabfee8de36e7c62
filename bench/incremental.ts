import { sql } from 'kysely'
import { minimumCalls } from '../src/minimum-calls.ts'
import { rows } from '../store/database.ts'
import { drain } from '../sync/drain.ts'
import { inTransaction } from '../sync/engine.ts'
import { pullSlice } from '../sync/pull/pull.ts'
import { windowOf } from '../sync/watch/overwritten.ts'
import { linkedRig } from './linked.ts'
import { person } from './person.ts'
import type { EngineKind, Rig } from './rig.ts'

/** Changes of one cycle: half in each CRM, accounts and deals, five of them with another account. */
const CHANGES = 100
const MOVES = 5

/** A cycle with a hundred changes among many records, and one with none. Accounts and deals. */
export async function benchIncremental(records: number, kind: EngineKind) {
  const { rig, each } = await linkedRig(kind, records)
  await drain(rig.engine)
  rig.calls()
  for (const rt of rig.engine.runtimes) await pullSlice(rig.engine, rt, { polling: 'all' })
  const quiet = rig.calls()
  const since = Date.now()
  await change(rig)
  const started = performance.now()
  const { pushed, quiet: done } = await drain(rig.engine, { confirmed: false })
  const seconds = (performance.now() - started) / 1000
  const calls = rig.calls()
  const minimum = await inTransaction(rig.engine, (tx) =>
    Promise.all(
      rig.engine.runtimes.map(async (rt) => ({ name: rt.name, ...(await minimumCalls(tx, rt, { since, meta: false })) })),
    ),
  )
  const window = windowOf(rig.engine.runtimes.find((r) => r.name === 'hubspot')!)
  const watch = rig.engine.runtimes.map((r) => `${r.name} ${r.budget.used.watch ?? 0}`).join(', ')
  await rig.stop()
  const updated = pushed.salesforce!.updated + pushed.hubspot!.updated
  return {
    row: {
      engine: kind,
      records: each * 2,
      done,
      'changes carried': updated,
      seconds: Number(seconds.toFixed(2)),
      ...Object.fromEntries(minimum.map((m) => [`calls ${m.name}`, `${calls[m.name]} of ${m.calls}`])),
      'watch calls': watch,
      'window ms p50, p99': window ? `${window.p50}, ${window.p99}` : '-',
      ...Object.fromEntries(Object.entries(quiet).map(([name, n]) => [`quiet ${name}`, n])),
    },
    minimum,
  }
}

/** People edit: batches through the CRMs' own APIs, on records that are linked. */
async function change(rig: Rig): Promise<void> {
  const { salesforce, hubspot } = person(rig.info)
  const linked = await inTransaction(rig.engine, (tx) =>
    rows(
      tx,
      sql<{
        entity: string
        sf: string
        hs: string
      }>`select a.entity, a.external_id as sf, b.external_id as hs from link a join link b on b.record_id = a.record_id and b.object in ('companies', 'deals')
      where a.object in ('Account', 'Opportunity') and a.state = 'live' and b.state = 'live' order by a.external_id`,
    ),
  )
  const [accounts, deals] = ['account', 'deal'].map((e) => linked.filter((l) => l.entity === e)) as [typeof linked, typeof linked]
  const pick = <T>(list: T[], from: number, n: number) => Array.from({ length: n }, (_, i) => list[(from + i * 7) % list.length]!)
  const quarter = CHANGES / 4
  await salesforce('PATCH', '/composite/sobjects', {
    allOrNone: false,
    records: [
      ...pick(accounts, 0, quarter).map((a, i) => ({ attributes: { type: 'Account' }, id: a.sf, NumberOfEmployees: 10_000 + i })),
      ...pick(deals, 0, quarter).map((d, i) => ({
        attributes: { type: 'Opportunity' },
        id: d.sf,
        NextStep: `Call ${i}`,
        ...(i < MOVES && { AccountId: accounts[900 + i]!.sf }),
      })),
    ],
  })
  await hubspot('POST', '/crm/v3/objects/companies/batch/update', {
    inputs: pick(accounts, 400, quarter).map((a, i) => ({ id: a.hs, properties: { numberofemployees: String(20_000 + i) } })),
  })
  await hubspot('POST', '/crm/v3/objects/deals/batch/update', {
    inputs: pick(deals, 400, quarter).map((d, i) => ({ id: d.hs, properties: { hs_next_step: `Write ${i}` } })),
  })
}
