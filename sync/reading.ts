import type { Snapshot } from '../connectors/connector.ts'
import type { CompiledMapping } from '../mappings/compile.ts'
import type { ReferenceResolver } from '../mappings/context.ts'
import { identityKeys } from '../mappings/identity.ts'
import { type CanonicalRow, readRows } from '../mappings/lens.ts'
import type { Value } from '../mappings/model/value.ts'
import type * as identity from '../store/identity.ts'
import type { Item } from './batch.ts'
import { classify, lensContext, type Runtime } from './runtime.ts'

/** What rows mean: their entity, their canonical values, their natural keys. */

/** Classifies rows and reads them through their mapping. */
export async function interpret(
  rt: Runtime,
  object: string,
  snapshots: Snapshot[],
  references: ReferenceResolver,
): Promise<Map<string, Item>> {
  const grouped = Map.groupBy(
    snapshots.filter((s) => !s.deleted),
    (s) => classify(rt, object, s.row),
  )
  const items = new Map<string, Item>()
  for (const [mapping, members] of grouped) {
    if (!mapping) continue
    const readings = await readRows(
      mapping,
      members.map((s) => s.row),
      lensContext(rt, mapping, references),
    )
    for (const [i, snapshot] of members.entries()) items.set(snapshot.id, { snapshot, mapping, reading: readings[i]! })
  }
  return items
}

/** The natural keys of a row. */
export function keysOf(mapping: CompiledMapping, externalId: string, reading: CanonicalRow): identity.KeyRow[] {
  const value = (field: string): Value | undefined => {
    const r = reading.get(field)
    return r && 'value' in r ? r.value : undefined
  }
  return identityKeys(mapping.entity, mapping.document.identity, value).map((k) => ({
    key: k.key,
    externalId,
    rank: k.rank,
  }))
}
