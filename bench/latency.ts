import { setTimeout as wait } from 'node:timers/promises'
import { drain } from '../sync/drain.ts'
import { startJobs } from '../sync/jobs.ts'
import { linkedAccounts } from './linked.ts'
import { person } from './person.ts'
import { type EngineKind, makeRig } from './rig.ts'

const SECONDS_A_DAY = 86_400

/**
 * From a person's edit of a linked record to its value in the other CRM, by polling alone.
 *
 * @param salesforceDailyLimit calls a day that Salesforce allows; undefined: no limit.
 */
export async function benchLatency(edits: number, kind: EngineKind, salesforceDailyLimit?: number) {
  const rig = await makeRig(kind, {
    accounts: 200,
    deals: 200,
    contacts: 200,
    partners: 4,
    seed: 7,
    shared: 1,
    extra: 0,
    clean: true,
  })
  rig.configure({ salesforceDailyLimit: salesforceDailyLimit ?? 1e9 })
  await drain(rig.engine)
  const linked = await linkedAccounts(rig.engine)
  const { salesforce, hubspot } = person(rig.info)
  const jobs = await startJobs(rig.engine, {
    channels: { publicUrl: () => '' },
    redisUrl: kind === 'services' ? (process.env.REDIS_URL ?? 'redis://127.0.0.1:6379') : undefined,
    queueName: `bench-${process.pid}`,
  })
  rig.engine.nudge = (id, direction) => jobs.nudge(id, direction)
  for (const rt of rig.engine.runtimes) jobs.nudge(rt.id, 'pull')
  while (!jobs.wentRound()) await wait(50)
  rig.calls()
  const began = performance.now()
  const one = async (i: number): Promise<number> => {
    const at = linked[i % linked.length]!
    // Spread over the time in which polls come and go.
    await wait((i % 40) * 500 + ((i * 137) % 500))
    const [started, value] = [performance.now(), 30_000 + i]
    if (i % 2 === 0) await salesforce('PATCH', `/sobjects/Account/${at.sf}`, { NumberOfEmployees: value })
    else await hubspot('PATCH', `/crm/v3/objects/companies/${at.hs}`, { properties: { numberofemployees: String(value) } })
    for (;;) {
      const there =
        i % 2 === 0
          ? Number(
              (await hubspot('GET', `/crm/v3/objects/companies/${at.hs}?properties=numberofemployees`)).properties
                .numberofemployees,
            )
          : (await salesforce('GET', `/sobjects/Account/${at.sf}`)).NumberOfEmployees
      if (there === value) return (performance.now() - started) / 1000
      if (performance.now() - started > 120_000) throw new Error(`edit ${i} did not arrive within two minutes`)
      await wait(50)
    }
  }
  const times = (await Promise.all(Array.from({ length: edits }, (_, i) => one(i)))).sort((a, b) => a - b)
  // What polling uses while nothing happens counts for the day.
  rig.calls()
  const idle = performance.now()
  await wait(40_000)
  const quiet = rig.calls()
  const seconds = (performance.now() - idle) / 1000
  await jobs.close()
  await rig.stop()
  const at = (share: number) => Number(times[Math.min(times.length - 1, Math.floor(share * times.length))]!.toFixed(2))
  return {
    engine: kind,
    'Salesforce calls a day': salesforceDailyLimit ?? 'unlimited',
    edits,
    'p50 s': at(0.5),
    'p95 s': at(0.95),
    'longest s': at(1),
    'took s': Math.round((performance.now() - began) / 1000),
    ...(salesforceDailyLimit && {
      'projected use': `${((100 * quiet.salesforce! * SECONDS_A_DAY) / seconds / salesforceDailyLimit).toFixed(1)} %`,
    }),
  }
}
