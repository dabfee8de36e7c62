import { makeId } from './ids.ts'
import type { Row } from './model.ts'
import { HISTORIES } from './objects/history.ts'
import type { ObjectDef } from './schema.ts'
import type { Wire } from './values.ts'

/** Field history as Salesforce keeps it: a row per change of a tracked field, by the name that setup calls it. */

/** Names of fields in history rows, where they are not the API's: a look-up loses its `Id`. */
const nameIn = (def: ObjectDef, field: string): string =>
  def.fields.get(field)?.type === 'reference' && field.endsWith('Id') ? field.slice(0, -2) : field

export interface HistoryRow {
  object: string
  values: Record<string, Wire>
}

/** The history rows of a save. */
export function historyOf(
  def: ObjectDef,
  id: string,
  before: Record<string, Wire>,
  after: Record<string, Wire>,
  tracked: ReadonlySet<string>,
): HistoryRow[] {
  const kept = HISTORIES[def.name]
  if (!kept) return []
  const made: HistoryRow[] = []
  for (const field of tracked) {
    const [from, to] = [before[field] ?? null, after[field] ?? null]
    if (from === to) continue
    const { type, length = 0 } = def.fields.get(field) ?? {}
    // Long text is only said to have changed.
    const shown = (v: Wire) => (type === 'textarea' && length > 255 ? null : v)
    made.push({
      object: kept.object,
      values: {
        [kept.parent]: id,
        Field: nameIn(def, field),
        DataType: type === 'reference' ? 'EntityId' : 'Text',
        OldValue: shown(from),
        NewValue: shown(to),
      },
    })
  }
  return made
}

/** The rows of EntityDefinition and FieldDefinition: they follow what an admin made of the objects. */
export function definitions(
  defs: Iterable<ObjectDef>,
  tracked: ReadonlyMap<string, ReadonlySet<string>>,
  fresh: (id: string, values: Record<string, Wire>) => Row,
): { entities: Row[]; fields: Row[] } {
  const entities: Row[] = []
  const fields: Row[] = []
  for (const def of defs) {
    const entity = fresh(makeId('4ie', entities.length + 1), { QualifiedApiName: def.name, Label: def.label })
    entities.push(entity)
    for (const name of def.fields.keys())
      fields.push(
        fresh(makeId('4ff', fields.length + 1), {
          EntityDefinitionId: entity.id,
          QualifiedApiName: name,
          IsFieldHistoryTracked: tracked.get(def.name)?.has(name) ?? false,
        }),
      )
  }
  return { entities, fields }
}
