import type { MappingDocument } from '../../mappings/mapping.ts'
import type { Engine } from '../engine.ts'
import { activate } from '../remap.ts'
import { compileDocuments, type Runtime } from '../runtime.ts'
import { type Plan, plan } from './plan.ts'

/** A document that is to become the active one of its entity. */
export interface MappingChange {
  rt: Runtime
  document: MappingDocument
}

/** What would be written if documents were the active ones of their entities, all at once. */
export async function planMappings(engine: Engine, changes: readonly MappingChange[]): Promise<Plan> {
  const changed = new Map<Runtime, Runtime>()
  for (const [rt, own] of Map.groupBy(changes, (c) => c.rt)) {
    const schemas = new Map(rt.schemas)
    for (const { document } of own) schemas.set(document.object, await rt.connector.describe(document.object))
    const replaced = new Set(own.map((c) => c.document.entity))
    const others = rt.mappings.map((m) => m.document).filter((d) => !replaced.has(d.entity))
    changed.set(rt, { ...rt, ...compileDocuments([...others, ...own.map((c) => c.document)], schemas) })
  }
  const reread = new Map(changes.map(({ rt, document: { object } }) => [`${rt.id} ${object}`, { rt: changed.get(rt)!, object }]))
  return plan(
    { ...engine, runtimes: engine.runtimes.map((r) => changed.get(r) ?? r) },
    {
      change: async (tx) => {
        for (const { rt, document } of changes) await activate(tx, rt, document)
      },
      reread: [...reread.values()],
    },
  )
}
