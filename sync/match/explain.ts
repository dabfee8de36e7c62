import { sharedKeys } from './candidates.ts'
import type { Comparison } from './compare/finding.ts'
import { probability, type ScoredPair } from './pairs.ts'
import type { Evidence } from './score.ts'
import { judge, type Verdict } from './verdict.ts'

/** Why two records are taken for one thing, or not. */
export interface Explanation {
  verdict: Verdict
  /** A rule that stands above the score. */
  because?: string
  probability: number
  /** Bits; the weights of the evidence sum to it. */
  score: number
  evidence: { comparison: string; level: string; weight: number }[]
  /** The keys under which the two found each other. */
  keys: string[]
  wouldChange: string
  sentence: string
}

/** What people call what is compared. */
const CALLED: Record<Comparison, string> = {
  name: 'name',
  legalForm: 'legal form',
  address: 'address',
  street: 'street',
  area: 'place',
  phone: 'phone number',
  domain: 'web domain',
  mailbox: 'e-mail address',
  email: 'e-mail address',
  contact: 'contact',
  fullName: 'name',
  given: 'given name',
  family: 'family name',
  born: 'date of birth',
  district: 'district',
  region: 'region',
  people: 'people',
  year: 'year',
  category: 'kind',
  price: 'price',
  identifier: 'number',
}
const called = (e: Evidence): string => (e.comparison === 'prior' || e.comparison === 'rivals' ? '' : CALLED[e.comparison])

/** Evidence below this many bits is not worth a word. */
const WORTH_TELLING = 0.5

export function explain(pair: ScoredPair): Explanation {
  const { verdict, because } = judge(pair)
  const spoken = pair.evidence.filter((e) => called(e) && Math.abs(e.weight) >= WORTH_TELLING).sort((a, b) => b.weight - a.weight)
  const words = (list: readonly Evidence[]) => list.map((e) => `${called(e)} (${e.level})`).join(', ')
  const forIt = spoken.filter((e) => e.weight > 0)
  const against = spoken.filter((e) => e.weight < 0).reverse()
  const wouldChange = change(pair, verdict, forIt)
  const opening = { duplicate: 'Taken for one thing', review: 'For a person to decide', distinct: 'Taken for two things' }[
    verdict
  ]
  const better = pair.evidence.some((e) => e.comparison === 'rivals') ? '; another record matches better' : ''
  return {
    verdict,
    ...(because && { because }),
    probability: probability(pair.score),
    score: pair.score,
    evidence: pair.evidence.map(({ comparison, level, weight }) => ({ comparison, level, weight })),
    keys: sharedKeys(pair.a, pair.b),
    wouldChange,
    sentence: `${opening}${because ? ` (${because})` : ''}: ${forIt.length ? `${words(forIt)} speak for it` : 'nothing speaks for it'}${
      against.length ? `, ${words(against)} against it` : ''
    }${better}. ${wouldChange}`,
  }
}

function change(pair: ScoredPair, verdict: Verdict, forIt: readonly Evidence[]): string {
  if (verdict === 'duplicate') {
    if (forIt.length === 1) return `It rests on the ${called(forIt[0]!)} alone.`
    // The single piece without which the verdict falls; else it stands on more than one leg.
    const leg = forIt.filter((e) => e.weight > pair.score).at(-1)
    return leg ? `Without the ${called(leg)} it would not be.` : 'No single piece of evidence decides it.'
  }
  if (pair.score >= 0) return 'An address, a phone number or a web domain of both would settle it.'
  const lacking = -pair.score
  const like = LIKE.find(([bits]) => bits >= lacking)
  return like ? `${like[1]} would make it a duplicate.` : 'No one agreeing field would make it a duplicate.'
}

/** What agreeing fields bring about, so that people know how much is lacking. */
const LIKE: readonly [bits: number, what: string][] = [
  [3, 'A city in common'],
  [7, 'A street address in common'],
  [8, 'A phone number or a web domain in common'],
]
