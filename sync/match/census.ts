import { knownShare } from './vocabulary.ts'

/** What is counted: how many records hold a word, a street, a phone number. */
export type Counted =
  | 'word'
  | 'pair'
  | 'name'
  | 'street'
  | 'address'
  | 'city'
  | 'postcode'
  | 'phone'
  | 'domain'
  | 'email'
  | 'given'
  | 'surname'
  | 'born'
  | 'text'
  | 'category'
  | 'categories'

/** Below this many records counts say little: the world is assumed to be at least this large. */
const SMALLEST_WORLD = 1_000
/** Records elsewhere in the world that hold a value which none of the others here holds. */
const UNSEEN = 0.2
/** Names that must have been seen before a phrase is believed to be one. */
const DOUBT = 3

/** Names on one domain beyond which it is nobody's own. */
const CROWD = 4

/**
 * How often values occur in a workspace's own records. Sharing a rare value is strong evidence, sharing a common one
 * weak: the evidence in bits is log2(records / holders).
 */
export class Census {
  #counts = new Map<Counted, Map<string, number>>()
  #holders = new Map<string, Set<string>>()
  records = 0
  /** How many of the holders of a value the two compared are: two records, or one thing when things are counted. */
  readonly #own: number

  constructor(own = 2) {
    this.#own = own
  }

  add(kind: Counted, value: string, n = 1): void {
    const counts = this.#counts.get(kind) ?? new Map<string, number>()
    this.#counts.set(kind, counts.set(value, (counts.get(value) ?? 0) + n))
  }

  count(kind: Counted, value: string): number {
    return this.#counts.get(kind)?.get(value) ?? 0
  }

  get world(): number {
    return Math.max(this.records, SMALLEST_WORLD)
  }

  /**
   * Bits of evidence in two records sharing this value: how rarely any other record holds it. Both that are compared
   * are left out, or a pair of twins would make its own values look common.
   */
  bits(kind: Counted, value: string): number {
    const known = kind === 'word' ? knownShare(value) : 0
    const others = Math.max(0, this.count(kind, value) - this.#own)
    const share = known ? known * 0.5 + (others / this.world) * 0.5 : (others + UNSEEN) / this.world
    return Math.log2(1 / Math.min(1, share))
  }

  /**
   * Bits of a word that stands behind another: "horizons" says little where every second "new" is followed by it.
   * A phrase that many names begin with is thus worth what the phrase is, not what its words are.
   */
  bitsAfter(before: string, word: string): number {
    const alone = this.bits('word', word)
    const pairs = Math.max(0, this.count('pair', `${before} ${word}`) - this.#own)
    if (pairs === 0) return alone
    const both = Math.max(pairs, this.count('word', before) - this.#own)
    return Math.min(alone, Math.log2((both + DOUBT) / (pairs + DOUBT * 2 ** -alone)))
  }

  /** Counts that things of this name use the domain. */
  addHolder(domain: string, name: string): void {
    const names = this.#holders.get(domain) ?? new Set()
    if (names.size <= CROWD) this.#holders.set(domain, names.add(name))
  }

  /** Whether things of many names use the domain: a partner's own, a mail provider's. Another one says nothing then. */
  isCrowded(domain: string): boolean {
    return (this.#holders.get(domain)?.size ?? 0) > CROWD
  }

  /** Counts that two records of one name, in two systems, are of these categories. */
  addCorrespondence(a: string, b: string): void {
    this.add('category', a)
    this.add('category', b)
    const [x, y] = a < b ? [a, b] : [b, a]
    this.add('categories', `${x} / ${y}`)
  }

  /** Whether things of one category are usually of the other elsewhere, never, or nobody can tell yet. */
  correspondence(a: string, b: string): 'usual' | 'unknown' | 'against' {
    const [x, y] = a < b ? [a, b] : [b, a]
    const both = this.count('categories', `${x} / ${y}`)
    const fewer = Math.min(this.count('category', a), this.count('category', b))
    if (fewer < 10) return 'unknown'
    return both >= fewer * 0.15 ? 'usual' : both <= fewer * 0.03 ? 'against' : 'unknown'
  }
}
