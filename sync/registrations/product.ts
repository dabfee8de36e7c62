import { compareProducts, parseDeal } from '../match/deals.ts'
import { edits } from '../match/strings.ts'

/** Whether two registrations of one account are about the same thing to sell. */

/** Letters that may be mistyped in a name of so many. */
const mistyped = (length: number): number => (length >= 9 ? 2 : length >= 5 ? 1 : 0)

/**
 * They are unless the products are clearly two: a partner who mistypes a product, says only its family or leaves it
 * out has not found a free place beside somebody else's. Amounts and dates are the partner's to choose, and tell nothing.
 */
export function isSameClaim(a: string | null, b: string | null): boolean {
  const [x, y] = [a, b].map((product) => parseDeal({ product: product ?? '' }).product)
  if (compareProducts(x, y, new Set()) !== 'different') return true
  if (!x || !y || numbersOf(x) !== numbersOf(y)) return false
  const [p, q] = [x.replaceAll(' ', ''), y.replaceAll(' ', '')]
  const most = mistyped(Math.min(p.length, q.length))
  return edits(p, q, most) <= most
}

/** "Suite 2" and "Suite 3" are one letter apart, and two products. */
const numbersOf = (text: string): string => text.match(/\d+/g)?.join(' ') ?? ''
