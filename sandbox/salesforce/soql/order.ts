import type { Row } from '../model.ts'
import type { Org } from '../org.ts'
import type { ObjectDef } from '../schema.ts'
import { comparableReader } from './path.ts'
import type { OrderBy } from './syntax.ts'

/** The comparison that an ORDER BY clause asks for. */
export function comparator(org: Org, def: ObjectDef, order: OrderBy[]): (a: Row, b: Row) => number {
  const keys = order.map((o) => {
    const { read } = comparableReader(org, def, o.field)
    const direction = o.order?.toUpperCase() === 'DESC' ? -1 : 1
    const nullsFirst = o.nulls ? o.nulls.toUpperCase() === 'FIRST' : direction === 1
    return { read, direction, nulls: nullsFirst ? -1 : 1 }
  })
  return (a, b) => {
    for (const { read, direction, nulls } of keys) {
      const [x, y] = [read(a), read(b)]
      if (x === y) continue
      if (x === null) return nulls
      if (y === null) return -nulls
      return x < y ? -direction : direction
    }
    return 0
  }
}

/** The fields of a clause when all rise, in lower case and joined: what an index may already be sorted by. */
export const rising = (order: OrderBy[]): string =>
  order.some((o) => o.order?.toUpperCase() === 'DESC') ? '' : order.map((o) => o.field.toLowerCase()).join()
