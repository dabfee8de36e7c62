import { SalesforceError } from '../errors.ts'
import { normaliseId } from '../ids.ts'
import type { Row } from '../model.ts'
import type { Org } from '../org.ts'
import type { FieldDef, ObjectDef } from '../schema.ts'
import type { Wire } from '../values.ts'
import { comparableReader } from './path.ts'
import { type Condition, malformed, unquote } from './syntax.ts'

/** One condition of a WHERE clause: a field, an operator, literals. */

/** @throws SalesforceError for a field, operator or literal that does not fit. */
export function compileCondition(org: Org, def: ObjectDef, c: Condition): (row: Row) => boolean {
  const { read: own, field } = comparableReader(org, def, c.field ?? '')
  const operator = (c.operator ?? '=').toUpperCase()
  const types = [c.literalType ?? 'STRING'].flat()
  const list = [c.value ?? []]
    .flat()
    .map((v, i) => comparable(field, types[Math.min(i, types.length - 1)] ?? 'STRING', v, org, c))
  const [first = null] = list
  switch (operator) {
    case '=':
      return (row) => own(row) === first
    case '!=':
    case '<>':
      return (row) => own(row) !== first
    case '<':
      return (row) => {
        const v = own(row)
        return v !== null && first !== null && v < first
      }
    case '<=':
      return (row) => {
        const v = own(row)
        return v !== null && first !== null && v <= first
      }
    case '>':
      return (row) => {
        const v = own(row)
        return v !== null && first !== null && v > first
      }
    case '>=':
      return (row) => {
        const v = own(row)
        return v !== null && first !== null && v >= first
      }
    case 'IN': {
      const set = new Set(list)
      return (row) => set.has(own(row))
    }
    case 'NOT IN': {
      const set = new Set(list)
      return (row) => !set.has(own(row))
    }
    case 'LIKE': {
      const pattern = new RegExp(
        `^${String(first)
          .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
          .replace(/%/g, '.*')
          .replace(/_/g, '.')}$`,
        'is',
      )
      return (row) => pattern.test(String(own(row) ?? ''))
    }
    case 'INCLUDES':
    case 'EXCLUDES': {
      const wanted = list.map((v) => String(v).split(';'))
      const includes = (row: Row) => {
        const has = String(own(row) ?? '').split(';')
        return wanted.some((w) => w.every((x) => has.includes(x)))
      }
      return operator === 'INCLUDES' ? includes : (row) => !includes(row)
    }
    default:
      throw malformed(`unexpected operator: ${operator}`)
  }
}

/** A literal in the form that fields are compared in. */
function comparable(field: FieldDef, literal: string, text: string, org: Org, c: Condition): Wire {
  if (literal === 'NULL' || text === 'NULL' || text === 'null') return null
  const plain = unquote(text)
  if (literal === 'BOOLEAN') return plain.toUpperCase() === 'TRUE'
  if (literal.startsWith('DATE_')) return relativeDate(plain, c.dateLiteralVariable ?? 0, org, field)
  if (field.type === 'datetime') {
    if (literal !== 'DATETIME' && literal !== 'DATE')
      throw new SalesforceError(
        'INVALID_FIELD',
        `\n${c.field} ${c.operator} ${text}\n^\nERROR at Row:1:Column:1\nvalue of filter criterion for field '${c.field}' must be of type dateTime and should not be enclosed in quotes`,
      )
    return Date.parse(plain)
  }
  if (field.type === 'id' || field.type === 'reference') {
    const id = normaliseId(plain)
    if (plain !== '' && !id)
      throw new SalesforceError(
        'INVALID_QUERY_FILTER_OPERATOR',
        `\n${c.field} ${c.operator} ${text}\n^\nERROR at Row:1:Column:1\ninvalid ID field: ${plain}`,
      )
    return id ?? null
  }
  if (['INTEGER', 'DECIMAL', 'INTEGER_WITH_CURRENCY_PREFIX'].includes(literal)) return Number(plain)
  return plain === '' ? null : plain.toLowerCase()
}

function relativeDate(literal: string, n: number, org: Org, field: FieldDef): Wire {
  const day = 86_400_000
  const today = Math.floor(org.clock.now() / day) * day
  const days: Record<string, number> = { TODAY: 0, YESTERDAY: -1, TOMORROW: 1 }
  const name = literal.toUpperCase().split(':')[0]!
  const at = today + day * (days[name] ?? (name === 'LAST_N_DAYS' ? -n : name === 'NEXT_N_DAYS' ? n : 0))
  return field.type === 'datetime' ? at : new Date(at).toISOString().slice(0, 10)
}
