import type { Query } from '@jetstreamapp/soql-parser-js'
import type { Row } from '../model.ts'
import type { Org } from '../org.ts'
import type { ObjectDef } from '../schema.ts'
import type { Wire } from '../values.ts'
import { wireReader } from './path.ts'
import { malformed, type Selected } from './syntax.ts'

/** GROUP BY and functions such as COUNT and MAX: one finished record for each group of rows. */
export function aggregates(org: Org, def: ObjectDef, rows: Row[], query: Query, select: Selected[]): Record<string, unknown>[] {
  const groupFields = ([query.groupBy ?? []].flat() as { field?: string }[]).map((g) => wireReader(org, def, g.field ?? '').read)
  const groups = new Map<string, Row[]>()
  for (const row of rows) {
    const key = JSON.stringify(groupFields.map((get) => get(row)))
    const members = groups.get(key)
    if (members) members.push(row)
    else groups.set(key, [row])
  }
  if (groupFields.length === 0) groups.set('[]', rows)
  return [...groups.values()].map((members) => {
    const record: Record<string, unknown> = { attributes: { type: 'AggregateResult' } }
    let unnamed = 0
    for (const f of select) {
      if (f.type === 'Field') record[f.alias ?? f.field!] = members[0] ? wireReader(org, def, f.field!).read(members[0]) : null
      else {
        const get = f.parameters?.[0] ? wireReader(org, def, String(f.parameters[0])).read : () => 1
        const numbers = members.map(get).filter((v) => v !== null) as Wire[]
        record[f.alias ?? `expr${unnamed++}`] = fold(f.functionName ?? 'COUNT', numbers)
      }
    }
    return record
  })
}

function fold(name: string, values: Wire[]): unknown {
  const sorted = [...values].sort((a, b) => (a! < b! ? -1 : 1))
  const sum = values.reduce<number>((total, v) => total + Number(v), 0)
  switch (name.toUpperCase()) {
    case 'COUNT':
      return values.length
    case 'COUNT_DISTINCT':
      return new Set(values).size
    case 'SUM':
      return sum
    case 'AVG':
      return values.length ? sum / values.length : null
    case 'MIN':
      return sorted[0] ?? null
    case 'MAX':
      return sorted.at(-1) ?? null
    default:
      throw malformed(`unexpected function: ${name}`)
  }
}
