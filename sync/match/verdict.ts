import { probability, type ScoredPair } from './pairs.ts'

export type Verdict = 'duplicate' | 'review' | 'distinct'

/** What mistakes cost, against each other. */
export interface Costs {
  /** Two things taken for one. */
  wrong: number
  /** A duplicate that nobody sees. */
  missed: number
  /** A person who has to look. */
  review: number
}

/**
 * A duplicate that is missed costs as much as a wrong one. A review is cheap, but only where a twentieth of what is
 * asked about is true.
 */
export const COSTS: Costs = { wrong: 1, missed: 1, review: 0.05 }

/** The verdict on a pair by what it would cost to be wrong, and by rules that no score overrules. */
export function judge(pair: ScoredPair, costs: Costs = COSTS): { verdict: Verdict; because?: string } {
  const p = probability(pair.score)
  const duplicate = costs.missed * p >= costs.wrong * (1 - p)
  if (!duplicate) return { verdict: costs.missed * p >= costs.review ? 'review' : 'distinct' }
  const because = siblings(pair) ?? neighbours(pair)
  return because ? { verdict: 'review', because } : { verdict: 'duplicate' }
}

/** Names that differ in what tells sister companies apart, where nothing but the name speaks for one company. */
function siblings({ evidence }: ScoredPair): string | undefined {
  const level = (comparison: string) => evidence.find((e) => e.comparison === comparison)?.level
  if (level('address') === 'other country' || level('area') === 'other country') {
    const shared = ['domain', 'phone', 'mailbox'].some((c) => level(c) === 'same')
    if (shared || level('name') === 'same') return 'the same name or domain, but another country: perhaps a sister company'
  }
  const backed = evidence.some(
    (e) => e.weight > 1 && e.comparison !== 'name' && e.comparison !== 'legalForm' && e.comparison !== 'prior',
  )
  if (backed) return undefined
  if (level('legalForm') === 'different') return 'the same name, but another legal form: perhaps a sister company'
  return undefined
}

/** What stands at one address is not one thing for that. */
function neighbours({ evidence }: ScoredPair): string | undefined {
  if (!evidence.some((e) => e.comparison === 'name' && e.level === 'different')) return undefined
  const own = ['phone', 'domain', 'mailbox', 'email', 'identifier', 'people']
  const backed = evidence.some((e) => own.includes(e.comparison) && e.weight > 1)
  return backed ? undefined : 'one address, but other names: perhaps neighbours'
}
