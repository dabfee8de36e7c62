import { sql } from 'kysely'
import { rows } from '../store/database.ts'
import * as undos from '../store/undo.ts'
import { drain } from '../sync/drain.ts'
import { inTransaction } from '../sync/engine.ts'
import { planUndo } from '../sync/undo/plan.ts'
import { verify } from '../sync/verify/verify.ts'
import { linkedAccounts } from './linked.ts'
import { person } from './person.ts'
import { type EngineKind, makeRig, type Rig } from './rig.ts'

/** Of the rows that were written people edit one in so many before the undo. */
const EDITED = 100
const BATCH = 200

/**
 * People change a phone number in Salesforce for many linked accounts, Concordat writes it to HubSpot, people edit some
 * rows there, and the run is taken back.
 */
export async function benchUndo(writes: number, kind: EngineKind) {
  const rig = await makeRig(
    kind,
    { accounts: writes, deals: 0, contacts: 0, partners: 0, seed: 7, shared: 1, extra: 0, clean: true },
    ['account'],
  )
  const { engine } = rig
  await drain(engine, { timeoutMs: 30 * 60_000 })
  const { salesforce, hubspot } = person(rig.info)
  const linked = await linkedAccounts(engine)
  const before = await phones(rig, linked)
  for (let i = 0; i < linked.length; i += BATCH)
    await salesforce('PATCH', '/composite/sobjects', {
      allOrNone: false,
      records: linked.slice(i, i + BATCH).map((a, j) => ({
        attributes: { type: 'Account' },
        id: a.sf,
        Phone: `+1415555${String(i + j)
          .padStart(4, '0')
          .slice(-4)}`,
      })),
    })
  for (const rt of engine.runtimes) rt.runs = {}
  const from = new Date().toISOString()
  await drain(engine, { timeoutMs: 30 * 60_000 })
  const edited = linked.filter((_, i) => i % EDITED === 0)
  for (let i = 0; i < edited.length; i += 100)
    await hubspot('POST', '/crm/v3/objects/companies/batch/update', {
      inputs: edited.slice(i, i + 100).map((a) => ({ id: a.hs, properties: { phone: '+14155559999' } })),
    })
  await drain(engine)
  const runs = await inTransaction(engine, (tx) =>
    rows(
      tx,
      sql<{ id: string; n: number }>`select run_id as id, count(*) as n from write join connection c on c.id = write.connection_id
      where c.name = 'hubspot' and sent_at >= ${from}::timestamptz group by 1 order by 2 desc`,
    ),
  )
  rig.calls()
  const planned = performance.now()
  const id = await planUndo(engine, { from })
  const planSeconds = (performance.now() - planned) / 1000
  const started = performance.now()
  await inTransaction(engine, (tx) => undos.startUndo(tx, id))
  await drain(engine, { timeoutMs: 30 * 60_000 })
  const seconds = (performance.now() - started) / 1000
  const calls = rig.calls()
  const totals = await inTransaction(engine, (tx) => undos.stepTotals(tx, id))
  const after = await phones(rig, linked)
  const editedIds = new Set(edited.map((e) => e.hs))
  const wrong = linked.filter((a) => after.get(a.hs) !== (editedIds.has(a.hs) ? '+14155559999' : before.get(a.hs))).length
  const verification = await verify(engine)
  await rig.stop()
  return {
    engine: kind,
    'writes of the largest run': runs[0]?.n ?? 0,
    ...Object.fromEntries(totals.map((t) => [`${t.connection} ${t.kind} ${t.outcome}`, t.n])),
    'plan s': Number(planSeconds.toFixed(2)),
    'undo s': Number(seconds.toFixed(2)),
    'calls hubspot': calls.hubspot,
    'not as before, nor as edited': wrong,
    unexplained: verification.unexplained,
  }
}

/** What HubSpot holds, read past the engine. */
async function phones(rig: Rig, linked: { hs: string }[]): Promise<Map<string, string | null>> {
  const { hubspot } = person(rig.info)
  const found = new Map<string, string | null>()
  for (let i = 0; i < linked.length; i += 100) {
    const answer = (await hubspot('POST', '/crm/v3/objects/companies/batch/read', {
      properties: ['phone'],
      inputs: linked.slice(i, i + 100).map((a) => ({ id: a.hs })),
    })) as { results: { id: string; properties: { phone: string | null } }[] }
    for (const r of answer.results) found.set(r.id, r.properties.phone)
  }
  return found
}
