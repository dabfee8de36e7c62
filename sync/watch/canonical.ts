import type { CompiledField, CompiledMapping } from '../../mappings/compile.ts'
import { readRows } from '../../mappings/lens.ts'
import type { Json, Value } from '../../mappings/model/value.ts'
import type { RawRow } from '../../mappings/schema.ts'
import type { Tx } from '../../store/database.ts'
import { inward } from '../references.ts'
import { lensContext, type Runtime } from '../runtime.ts'

/** Wire values of a field, with what stands in its companion. */
export interface WireValues {
  field: CompiledField
  values: Json[]
  beside: Json
}

/**
 * What wire values of single fields mean, all in one go: one list of canonical values per list that is given; undefined
 * where a value has none, such as a row that is not linked.
 */
export async function canonical(
  tx: Tx,
  rt: Runtime,
  mapping: CompiledMapping,
  given: WireValues[],
): Promise<(Value | undefined)[][]> {
  const rows = given.flatMap(({ field, values, beside }) =>
    values.map((v): RawRow => ({ [field.column]: v, ...(field.companion && { [field.companion]: beside }) })),
  )
  const snapshots = rows.map((row) => ({ asked: '', id: '', version: 0, clock: 0, deleted: false, row }))
  const references = await inward(tx, rt, mapping.object, snapshots)
  const readings = await readRows(mapping, rows, lensContext(rt, mapping, references))
  let next = 0
  return given.map(({ field, values }) =>
    values.map(() => {
      const r = readings[next++]!.get(field.name)
      return r && 'value' in r ? r.value : undefined
    }),
  )
}
