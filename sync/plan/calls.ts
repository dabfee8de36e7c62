import { type CompiledMapping, isAssociationColumn } from '../../mappings/compile.ts'
import type { Planned } from '../push/work.ts'
import type { Runtime } from '../runtime.ts'

/** Calls that carrying out a plan costs. */
interface Cost {
  /** Calls that read what has changed, and what is written over. */
  looked: number
  /** Calls that write. */
  written: number
  deletes: number
}

export interface Tally {
  of(rt: Runtime): Cost
  note(rt: Runtime, mapping: CompiledMapping, created: Planned[], updated: Planned[]): void
  deleted(rt: Runtime, count: number): void
}

export function noTally(runtimes: readonly Runtime[]): Tally {
  const costs = new Map(runtimes.map((rt) => [rt.id, { looked: 0, written: 0, deletes: 0 }]))
  const of = (rt: Runtime): Cost => costs.get(rt.id)!
  return {
    of,
    note(rt, mapping, created, updated) {
      const { batch, associationsApart } = rt.connector
      const calls = (rows: number, size: number) => Math.ceil(rows / size)
      const cost = of(rt)
      cost.written += calls(created.length, batch.create) + calls(updated.length, batch.update)
      cost.looked += calls(updated.length, batch.readByIds)
      for (const field of mapping.fields.filter((f) => isAssociationColumn(f.column))) {
        // HubSpot takes what a new row points at with it; Salesforce's contact roles follow.
        const rows = [...updated, ...(associationsApart ? [] : created)].filter((p) => field.name in p.fields)
        cost.written += calls(rows.length, batch.associate)
      }
    },
    deleted(rt, count) {
      of(rt).deletes += count
    },
  }
}

export const countCalls = (runtimes: readonly Runtime[], tally: Tally): Record<string, number> =>
  Object.fromEntries(
    runtimes.map((rt) => {
      const { looked, written, deletes } = tally.of(rt)
      const { remove, readByIds } = rt.connector.batch
      return [rt.name, looked + written + Math.ceil(deletes / remove) + Math.ceil(deletes / readByIds)]
    }),
  )
