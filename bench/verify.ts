import { sql } from 'kysely'
import { rows } from '../store/database.ts'
import { inTransaction } from '../sync/engine.ts'
import { associationColumnsOf, type Runtime } from '../sync/runtime.ts'
import { verify } from '../sync/verify/verify.ts'
import { linkedRig } from './linked.ts'
import type { EngineKind } from './rig.ts'

/** A complete verify of many linked records: accounts and deals, every deal with an account. */
export async function benchVerify(records: number, kind: EngineKind) {
  const { rig, each } = await linkedRig(kind, records)
  rig.calls()
  const before = process.memoryUsage().rss
  let peak = before
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss)
  }, 50)
  const started = performance.now()
  const { compared, fields, differences, unexplained } = await verify(rig.engine)
  const seconds = (performance.now() - started) / 1000
  clearInterval(watch)
  const calls = rig.calls()
  const products = await inTransaction(rig.engine, (tx) =>
    rows(tx, sql<{ n: number }>`select count(*) as n from record where jsonb_typeof(fields -> 'product' -> 'v') = 'array'`),
  )
  const minimum = Object.fromEntries(rig.engine.runtimes.map((rt) => [rt.name, leastCalls(rt, each, products[0]!.n)]))
  await rig.stop()
  const mb = (bytes: number) => Math.round(bytes / 1024 / 1024)
  return {
    engine: kind,
    'linked records': each * 2,
    'rows compared': compared,
    fields,
    seconds: Number(seconds.toFixed(1)),
    differences,
    unexplained,
    'MB before': mb(before),
    'MB peak': mb(peak),
    ...Object.fromEntries(Object.entries(minimum).map(([name, least]) => [`calls ${name}`, `${calls[name]} of ${least}`])),
  }
}

/** Every row in full pages; in HubSpot what it points at, an object a call; and the line items of deals that have one. */
function leastCalls(rt: Runtime, each: number, products: number): number {
  const { list, associations, readByIds } = rt.connector.batch
  let calls = 0
  for (const object of rt.objects) {
    calls += Math.ceil(each / list)
    if (!rt.connector.associationsApart) continue
    const targets = new Set(associationColumnsOf(rt, object).map((c) => c.slice(1).split('#')[0]!))
    calls += targets.size * Math.ceil(each / associations)
    if (targets.has('line_items')) calls += Math.ceil(products / readByIds)
  }
  return calls
}
