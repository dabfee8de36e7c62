import { dayNumber, parseDay, parseNumber } from './figures.ts'
import { fold, words } from './text.ts'

/**
 * Whether two deals of one account are one deal. A registration and the deal it is about are opened within months of
 * each other, sell the same thing, and cost about the same; a renewal or another product is another deal.
 */
export interface DealFacts {
  product?: string | undefined
  amount?: number | undefined
  currency?: string | undefined
  /** Days since 1970. */
  opened?: number | undefined
}

export type DealComparison = { verdict: 'one deal' | 'other deal'; reasons: string[] }

/** A deal is registered some weeks before it is opened in the CRM, or some months after; not half a year. */
const DAYS_APART = 130
/** Estimates of one deal differ; where the product is not told apart they must be nearer. */
const AMOUNT_RATIO = 2
const AMOUNT_RATIO_OF_A_SERIES = 1.45

export function parseDeal(raw: { product?: string; amount?: string; currency?: string; opened?: string }): DealFacts {
  const day = raw.opened ? parseDay(raw.opened) : undefined
  const amount = raw.amount ? parseNumber(raw.amount) : undefined
  return {
    product: raw.product ? productWords(raw.product).join(' ') || undefined : undefined,
    amount: amount !== undefined && amount > 0 ? amount : undefined,
    currency: raw.currency?.toUpperCase(),
    opened: day === undefined ? undefined : dayNumber(day),
  }
}

/** Words that name no product: "GTX series", "Suite (new)". */
const EMPTY_WORDS = new Set('series range family line licence license subscription renewal new the and edition'.split(' '))

/** "GTX+ Basic", "GTXPlus Basic" and "GTX Plus Basic" are the same words. */
const productWords = (text: string): string[] =>
  words(
    fold(
      text
        .replace(/([a-z])([A-Z][a-z])/g, '$1 $2')
        .replace(/([A-Z]{2,})([A-Z][a-z])/g, '$1 $2')
        .replace(/([A-Za-z])(\d)/g, '$1 $2'),
    ),
  ).filter((w) => !EMPTY_WORDS.has(w))

export type ProductLevel = 'same' | 'contained' | 'different' | 'unknown'

/**
 * Products are the same when their words are. One that is only part of the other may be it ("GTX series"), unless both
 * are sold.
 *
 * @param sold the products of the vendor's own deals.
 */
export function compareProducts(a: string | undefined, b: string | undefined, sold: ReadonlySet<string>): ProductLevel {
  if (!a || !b) return 'unknown'
  if (a.replaceAll(' ', '') === b.replaceAll(' ', '')) return 'same'
  const [x, y] = [a.split(' '), b.split(' ')]
  const meet = (p: string, q: string) => p === q || (p.length >= 3 && q.length >= 3 && (p.startsWith(q) || q.startsWith(p)))
  const [short, long] = x.length <= y.length ? [x, y] : [y, x]
  const met = short.filter((p) => long.some((q) => meet(p, q))).length
  if (met < short.length) return 'different'
  if (short.length === long.length) return 'same'
  return sold.has(a) && sold.has(b) ? 'different' : 'contained'
}

export function compareDeals(a: DealFacts, b: DealFacts, sold: ReadonlySet<string>): DealComparison {
  const product = compareProducts(a.product, b.product, sold)
  const reasons: string[] = []
  if (product === 'different') reasons.push('another product')
  if (a.opened !== undefined && b.opened !== undefined && Math.abs(a.opened - b.opened) > DAYS_APART)
    reasons.push(`${Math.abs(a.opened - b.opened)} days apart: a renewal or a later deal`)
  if (a.amount && b.amount && (a.currency ?? b.currency) === (b.currency ?? a.currency)) {
    const ratio = Math.max(a.amount / b.amount, b.amount / a.amount)
    if (ratio > (product === 'same' ? AMOUNT_RATIO : AMOUNT_RATIO_OF_A_SERIES)) reasons.push('amounts that are far apart')
  }
  return { verdict: reasons.length ? 'other deal' : 'one deal', reasons }
}
