import { Gauge, Registry } from 'prom-client'
import { totals } from '../../store/queries.ts'
import { laneState } from '../../sync/drain.ts'
import { inTransaction } from '../../sync/engine.ts'
import { windowOf } from '../../sync/watch/overwritten.ts'
import type { App } from '../app.ts'

/** Prometheus metrics, gathered when they are asked for. */
export async function metrics(app: App): Promise<string> {
  const registry = new Registry()
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name, help, labelNames, registers: [registry] })
  const lanes = gauge('concordat_lane_waiting', 'Rows that wait in a lane', ['connection', 'queue'])
  const calls = gauge('concordat_crm_calls', 'Calls made to a CRM since the start', ['connection', 'kind'])
  const windows = gauge('concordat_write_window_ms', 'Time between the read before an update and the update', [
    'connection',
    'quantile',
  ])
  for (const rt of app.engine.runtimes) {
    const state = await laneState(app.engine, rt)
    for (const queue of ['inbox', 'outbox', 'later', 'openWrites'] as const)
      lanes.set({ connection: rt.name, queue }, state[queue])
    const window = windowOf(rt)
    if (window) {
      windows.set({ connection: rt.name, quantile: '0.5' }, window.p50)
      windows.set({ connection: rt.name, quantile: '0.99' }, window.p99)
    }
    for (const [kind, n] of Object.entries(rt.budget.used)) calls.set({ connection: rt.name, kind }, n)
  }
  const found = await inTransaction(app.engine, totals)
  gauge('concordat_records', 'Living canonical records').set(found.records)
  gauge('concordat_open_conflicts', 'Open conflicts').set(found.conflicts)
  gauge('concordat_dead_letters', 'Values that a CRM refused').set(found.deadLetters)
  gauge('concordat_reviews', 'Matches that wait for a person').set(found.review)
  gauge('concordat_memory_bytes', 'Resident memory').set(process.memoryUsage.rss())
  return registry.metrics()
}
