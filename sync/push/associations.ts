import type { AssociationChange } from '../../connectors/connector.ts'
import type { CrmError } from '../../connectors/errors.ts'
import { type CompiledMapping, isAssociationColumn } from '../../mappings/compile.ts'
import type { Planned, Work } from './work.ts'

/** Writes association columns: what to point to, and what no more. */
export async function writeAssociations(
  work: Work,
  mapping: CompiledMapping,
  planned: Planned[],
): Promise<Map<Planned, CrmError>> {
  const failures = new Map<Planned, CrmError>()
  const columns = [...new Set(planned.flatMap((p) => Object.keys(p.row).filter(isAssociationColumn)))]
  for (const column of columns) {
    const field = mapping.fields.find((f) => f.column === column)!
    const affected = planned.filter((p) => column in p.row)
    const changes = affected.map((p): AssociationChange => {
      const now = [p.row[column] ?? []].flat().map(String)
      const before = [p.fields[field.name]?.b ?? []].flat().map(String)
      return {
        id: p.link.externalId!,
        add: now.filter((x) => !before.includes(x)),
        remove: before.filter((x) => !now.includes(x)),
      }
    })
    const results = await work.rt.connector.associate({ object: mapping.object, column, changes })
    results.forEach((r, i) => {
      if (!r.ok) failures.set(affected[i]!, r.error)
    })
  }
  return failures
}
