import type { Snapshot } from '../connectors/connector.ts'
import type { CompiledMapping } from '../mappings/compile.ts'
import type { ReferenceResolver } from '../mappings/context.ts'
import type { Entity } from '../mappings/model/model.ts'
import type { RecordRow } from '../mappings/state.ts'
import type { Tx } from '../store/database.ts'
import * as links from '../store/links.ts'
import { mappingsOf, type Runtime } from './runtime.ts'

/** References between records: external ids become records on the way in, records external ids on the way out. */

/** Resolves every reference of a batch of rows in one look-up. */
export async function inward(tx: Tx, rt: Runtime, object: string, snapshots: Snapshot[]): Promise<ReferenceResolver> {
  const fields = mappingsOf(rt, object).flatMap((m) => m.fields.filter((f) => f.type === 'reference' && !f.holdsRecordId))
  const columns = [...new Set(fields.map((f) => f.column))]
  const targets = new Set(fields.flatMap((f) => f.references))
  const objects = [...new Set(rt.mappings.filter((m) => targets.has(m.entity)).map((m) => m.object))]
  const ids = new Set<string>()
  for (const s of snapshots)
    for (const c of columns) for (const id of [s.row[c] ?? []].flat()) if (typeof id === 'string') ids.add(id)
  const found = Map.groupBy(await links.recordsOfExternal(tx, rt.id, objects, [...ids]), (r) => r.externalId)
  return {
    recordOf: (id, entities) => {
      const hits = found.get(id)?.filter((r) => entities.includes(r.entity as Entity))
      // A row that changed its entity counts as what it is now.
      return (hits?.find((r) => r.state === 'live') ?? hits?.[0])?.recordId
    },
    externalOf: () => undefined,
  }
}

/** External ids of the records that a batch's references point to. */
export async function outward(tx: Tx, rt: Runtime, mapping: CompiledMapping, targets: RecordRow[]): Promise<ReferenceResolver> {
  const names = mapping.fields.filter((f) => f.type === 'reference' && f.writes && !f.holdsRecordId).map((f) => f.name)
  const ids = new Set(targets.flatMap((r) => names.map((n) => r.fields[n]?.v)).filter((v) => typeof v === 'string'))
  const found = await links.externalOfRecords(tx, rt.id, [...ids])
  const byRecord = new Map(found.filter((f) => f.externalId && f.state !== 'creating').map((f) => [f.recordId, f.externalId!]))
  return { recordOf: () => undefined, externalOf: (id) => byRecord.get(id) }
}

/** For reading rows of which the references do not matter. */
export const NO_REFERENCES: ReferenceResolver = { recordOf: () => undefined, externalOf: () => undefined }
