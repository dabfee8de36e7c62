import type { Row } from '../model.ts'
import type { Org } from '../org.ts'
import type { ObjectDef } from '../schema.ts'
import { compileCondition } from './condition.ts'
import { malformed, type WhereNode } from './syntax.ts'

export type Predicate = (row: Row) => boolean

/** Turns the parser's chain into a token list and reads it left to right with parentheses. */
export function compileWhere(org: Org, def: ObjectDef, where: WhereNode | undefined): Predicate {
  if (!where) return () => true
  type Token = '(' | ')' | 'AND' | 'OR' | 'NOT' | Predicate
  const tokens: Token[] = []
  for (let node: WhereNode | undefined = where; node; node = node.right) {
    const c = node.left
    for (let i = 0; i < (c?.openParen ?? 0); i++) tokens.push('(')
    if (c?.field || c?.operator) tokens.push(compileCondition(org, def, c))
    for (let i = 0; i < (c?.closeParen ?? 0); i++) tokens.push(')')
    if (node.operator) tokens.push(node.operator as 'AND' | 'OR' | 'NOT')
  }
  let at = 0
  const unary = (): Predicate => {
    const token = tokens[at++]
    if (token === 'NOT') {
      const inner = unary()
      return (row) => !inner(row)
    }
    if (token === '(') {
      const inner = chain()
      at++
      return inner
    }
    if (typeof token !== 'function') throw malformed('unexpected token in WHERE')
    return token
  }
  const chain = (): Predicate => {
    let left = unary()
    while (tokens[at] === 'AND' || tokens[at] === 'OR') {
      const operator = tokens[at++]
      const [a, b] = [left, unary()]
      left = operator === 'AND' ? (row) => a(row) && b(row) : (row) => a(row) || b(row)
    }
    return left
  }
  return chain()
}
