import { drain } from '../sync/drain.ts'
import { type EngineKind, makeRig } from './rig.ts'
import { copyByScript } from './script.ts'

/** A copy of Salesforce accounts into an empty HubSpot, by Concordat and by a careful script, side by side. */
export async function benchCopy(accounts: number, kind: EngineKind, latencyMs: number) {
  const world = { accounts, deals: 0, contacts: 0, partners: 0, seed: 7, shared: 0, extra: 0, clean: true }
  const script = await byScript(world, latencyMs)
  const rig = await makeRig(kind, world, ['account'])
  rig.calls()
  rig.configure({ latencyMs })
  const started = performance.now()
  const { quiet } = await drain(rig.engine, { timeoutMs: 30 * 60_000 })
  const seconds = (performance.now() - started) / 1000
  const calls = rig.calls()
  const made = (await rig.counts()).hubspot.companies
  await rig.stop()
  return {
    engine: kind,
    accounts: made,
    quiet,
    'latency ms': latencyMs,
    'script s': Number(script.seconds.toFixed(2)),
    'Concordat s': Number(seconds.toFixed(2)),
    times: Number((seconds / script.seconds).toFixed(2)),
    'script calls': script.calls,
    'Concordat calls': Object.values(calls).reduce((n, x) => n + x, 0),
  }
}

async function byScript(world: Parameters<typeof makeRig>[1], latencyMs: number) {
  const rig = await makeRig('embedded', world, [])
  rig.configure({ latencyMs })
  const started = performance.now()
  const { calls } = await copyByScript(rig.info)
  const seconds = (performance.now() - started) / 1000
  await rig.stop()
  return { seconds, calls }
}
