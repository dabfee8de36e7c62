import type { MappingDocument } from '../../mappings/mapping.ts'
import type { Engine } from '../engine.ts'
import { activate } from '../remap.ts'
import { compileDocuments, type Runtime } from '../runtime.ts'
import { type Plan, plan } from './plan.ts'

/** What would be written if a document were the active one of its entity. */
export async function planMapping(engine: Engine, rt: Runtime, document: MappingDocument): Promise<Plan> {
  const schemas = new Map(rt.schemas).set(document.object, await rt.connector.describe(document.object))
  const others = rt.mappings.map((m) => m.document).filter((d) => d.entity !== document.entity)
  const changed = { ...rt, ...compileDocuments([...others, document], schemas) }
  return plan(
    { ...engine, runtimes: engine.runtimes.map((r) => (r === rt ? changed : r)) },
    {
      change: async (tx) => void (await activate(tx, rt, document)),
      reread: { rt: changed, object: document.object },
    },
  )
}
