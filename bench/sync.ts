import { minimumCalls } from '../src/minimum-calls.ts'
import { drain } from '../sync/drain.ts'
import { inTransaction } from '../sync/engine.ts'
import { verify } from '../sync/verify/verify.ts'
import { type EngineKind, makeRig } from './rig.ts'

/**
 * First sync: canonical records in agreement in both CRMs, per second from the start to an empty outbox. Half of the
 * records stand on both sides, a quarter on one side each; every deal has an account and a contact.
 *
 * @param records accounts and deals together; a fifth as many contacts come on top.
 */
export async function benchSync(records: number, kind: EngineKind) {
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
  const [started, cpu] = [performance.now(), process.cpuUsage()]
  const { pushed, quiet } = await drain(rig.engine, { timeoutMs: 30 * 60_000 })
  const seconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(cpu)
  clearInterval(sampler)
  const calls = rig.calls()
  const minimum = await inTransaction(rig.engine, async (tx) =>
    Promise.all(rig.engine.runtimes.map(async (rt) => ({ name: rt.name, ...(await minimumCalls(tx, rt)) }))),
  )
  const { compared, unexplained } = await verify(rig.engine)
  await rig.stop()
  return {
    row: {
      engine: kind,
      records: compared / 2,
      quiet,
      seconds: Number(seconds.toFixed(1)),
      'records/s': Math.round(compared / 2 / seconds),
      'peak MB': Math.round(peak / 1e6),
      'engine CPU s': Number(((user + system) / 1e6).toFixed(1)),
      created: pushed.salesforce!.created + pushed.hubspot!.created,
      updated: pushed.salesforce!.updated + pushed.hubspot!.updated,
      ...Object.fromEntries(minimum.map((m) => [`calls ${m.name}`, `${calls[m.name]} of ${m.calls}`])),
      unexplained,
    },
    minimum,
  }
}
