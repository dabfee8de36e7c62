import { drain } from '../sync/drain.ts'
import { verify } from '../sync/verify.ts'
import { makeRig } from './rig.ts'

/** First sync: records in agreement in both CRMs, per second from the start to an empty outbox. */
export async function benchSync(records: number, kind: 'services' | 'embedded') {
  const half = Math.round(records / 2)
  // Salesforce holds three quarters, HubSpot two thirds of those and a quarter of its own.
  const inSalesforce = Math.round(half * 0.75)
  const rig = await makeRig(kind, {
    accounts: inSalesforce,
    deals: inSalesforce,
    contacts: inSalesforce,
    partners: 0,
    seed: 7,
    shared: 2 / 3,
    extra: 1 / 3,
    clean: true,
  })
  let peak = 0
  const sampler = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss())
  }, 200)
  const started = performance.now()
  const { pushed, quiet } = await drain(rig.engine, { timeoutMs: 30 * 60_000 })
  const seconds = (performance.now() - started) / 1000
  console.error('engine cpu', process.cpuUsage())
  clearInterval(sampler)
  const calls = Object.fromEntries(rig.engine.runtimes.map((r) => [r.name, r.budget.total]))
  const { compared, unexplained } = await verify(rig.engine)
  const result = {
    engine: kind,
    records,
    quiet,
    seconds: Number(seconds.toFixed(1)),
    'records/s': Math.round(compared / 2 / seconds),
    'peak MB': Math.round(peak / 1e6),
    created: pushed.salesforce!.created + pushed.hubspot!.created,
    updated: pushed.salesforce!.updated + pushed.hubspot!.updated,
    callsSalesforce: calls.salesforce,
    callsHubspot: calls.hubspot,
    unexplained,
  }
  await rig.stop()
  return result
}
