import { normaliseId } from '../ids.ts'
import type { Row, Table } from '../model.ts'
import type { Org } from '../org.ts'
import { type Condition, unquote, type WhereNode } from './syntax.ts'

/** How the rows of a query are found: by id, by an external id, by the time of change, in id order, or all of them. */
export interface Access {
  rows: Iterable<Row>
  /** What the rows are sorted by already, as `rising` writes it. */
  order: 'id' | 'systemmodstamp,id' | undefined
}

/** The narrowest way to the rows that can match; every one of them has still to be tested. */
export function access(org: Org, table: Table, where: WhereNode | undefined, order: string): Access {
  const { def } = table
  const conditions = conjuncts(where).map((c) => ({ c, field: def.fieldNames.get(c.field?.toLowerCase() ?? '') }))
  for (const { c, field } of conditions) {
    const exact = c.operator === '=' || c.operator === 'IN'
    if (field === 'Id' && exact) return unsorted(texts(c).map((v) => table.rows.get(normaliseId(v) ?? '')))
    if (field && exact && table.unique.has(field)) return unsorted(texts(c).map((v) => org.byUnique(def.name, field, v)))
    if (field === 'SystemModstamp' && (c.operator === '>=' || c.operator === '>') && c.literalType === 'DATETIME')
      return { rows: table.touches.since(Date.parse(String(c.value))), order: 'systemmodstamp,id' }
  }
  if (order === 'systemmodstamp,id') return { rows: table.touches.since(Number.NEGATIVE_INFINITY), order }
  if (order !== 'id') return { rows: table.rows.values(), order: undefined }
  const after = conditions.find(({ c, field }) => field === 'Id' && (c.operator === '>' || c.operator === '>='))
  return { rows: table.order.from(after && normaliseId(texts(after.c)[0])), order }
}

const texts = (c: Condition): string[] => [c.value ?? []].flat().map(unquote)

const unsorted = (rows: (Row | undefined)[]): Access => ({
  rows: new Set(rows.filter((row) => row !== undefined)),
  order: undefined,
})

/** The conditions that must all hold: the top level of a chain of ANDs, outside parentheses. */
function conjuncts(where: WhereNode | undefined): Condition[] {
  const found: Condition[] = []
  let depth = 0
  for (let node: WhereNode | undefined = where; node; node = node.right) {
    if (
      node.operator === 'NOT' ||
      (node.operator === 'OR' && depth + (node.left?.openParen ?? 0) - (node.left?.closeParen ?? 0) === 0)
    )
      return []
    const opened = depth + (node.left?.openParen ?? 0)
    if (opened === 0 && node.left) found.push(node.left)
    depth = opened - (node.left?.closeParen ?? 0)
  }
  return found
}
