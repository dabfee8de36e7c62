import { SalesforceError } from '../errors.ts'

/** What the parser makes of a query, as far as it is read here. */

/** One part of the select list. */
export interface Selected {
  type: string
  field?: string
  relationships?: string[]
  functionName?: string
  parameters?: unknown[]
  alias?: string
  subquery?: unknown
}

// The parser's condition list is a chain; its published type is a union too wide to be of help here.
export interface Condition {
  field?: string
  operator?: string
  value?: string | string[]
  literalType?: string | string[]
  dateLiteralVariable?: number
  openParen?: number
  closeParen?: number
}
export interface WhereNode {
  left: Condition | null
  operator?: string
  right?: WhereNode
}

export interface OrderBy {
  field: string
  order?: string
  nulls?: string
}

export const malformed = (message: string) => new SalesforceError('MALFORMED_QUERY', message)

/** The text that a literal stands for. */
export function unquote(literal: string): string {
  if (!(literal.startsWith("'") && literal.endsWith("'") && literal.length > 1)) return literal
  const text = literal.slice(1, -1)
  if (!text.includes('\\')) return text
  return text.replace(/\\(.)/g, (_, c: string) => ({ n: '\n', r: '\r', t: '\t' })[c] ?? c)
}
