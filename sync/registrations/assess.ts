import { isOpen, type State } from './lifecycle.ts'
import { bandOf, type Consequence, type RivalKind, type Rules } from './rules.ts'

/** What is to become of a registration, by what stands beside it and by the rules. Pure. */

/** Something that speaks for somebody else having been there before. For the vendor's eyes. */
export interface Rival {
  kind: RivalKind
  /** The registration, deal, account or lead. */
  recordId: string
  entity: string
  name: string
  /** Its account is the same one; else a person should look whether it is. */
  certain: boolean
  /** It is about another product: it stands in nobody's way. */
  otherProduct: boolean
  /** What the match engine says of the two accounts. */
  because: string
}

/** What came first is protected; `second` waits behind it. */
export type Standing = 'first' | 'second'

export interface Assessed {
  next: State | undefined
  /** The rule that decided, as it stands in the document. */
  rule: string
  /** For the vendor. */
  why: string
  /** For the partner: nothing of what others have registered, sell or bought. */
  told: string
}

export interface Candidate {
  state: State
  standing: Standing
  partnerTier: string | null
  hasPartner: boolean
  amount: { amount: string; currency: string } | null
}

const WEIGHT: Record<Consequence, number> = { note: 0, review: 1, reject: 2 }

/** What a rival leads to. Nobody is rejected because of what may be another account. */
export function consequenceOf(rival: Rival, rules: Rules): Consequence {
  if (rival.otherProduct) return 'note'
  const said = rules.rivals[rival.kind]
  return said === 'reject' && !rival.certain ? 'review' : said
}

export function assess(candidate: Candidate, rivals: readonly Rival[], rules: Rules): Assessed {
  const { state } = candidate
  // What a person has taken in hand is decided by a person, but for what came to light since.
  const worst = rivals.toSorted((a, b) => WEIGHT[consequenceOf(b, rules)] - WEIGHT[consequenceOf(a, rules)])[0]
  const consequence = worst ? consequenceOf(worst, rules) : 'note'
  if (!isOpen(state)) return { next: undefined, rule: 'none', why: `it is ${state}`, told: TOLD[state] }
  const review = (rule: string, why: string, told = 'It is with the vendor for a decision.'): Assessed => ({
    next: state === 'submitted' ? 'under_review' : undefined,
    rule,
    why,
    told,
  })
  if (worst && consequence !== 'note') {
    const rule = `rivals.${worst.kind}: ${rules.rivals[worst.kind]}`
    const why = `${CALLED[worst.kind]}: ${worst.name}${worst.certain ? '' : ' (perhaps: the account may be another one)'}`
    if (consequence === 'reject' && state === 'submitted') return { next: 'rejected', rule, why, told: TOLD_OF[worst.kind] }
    return review(rule, why, candidate.standing === 'second' ? TOLD_OF.other_partner : undefined)
  }
  if (candidate.standing === 'second')
    return review('first come, first served', 'another registration came first', TOLD_OF.other_partner)
  if (!candidate.hasPartner) return review('partner', 'it does not say which partner it is from')
  const band = bandOf(rules, candidate.amount)
  if (!band) return review('decision.currency', `its amount is not in ${rules.decision.currency}`)
  const { approveAutomatically: tiers } = band
  const tier = candidate.partnerTier?.toLowerCase() ?? ''
  if (state === 'submitted' && (tiers === 'all' || tiers.some((t) => t.toLowerCase() === tier)))
    return {
      next: 'approved',
      rule: `decision.bands from ${band.from}: approveAutomatically`,
      why: `nothing stands in its way, and partners of tier ${candidate.partnerTier ?? 'none'} are approved at once`,
      told: TOLD.approved,
    }
  return review('decision', 'nothing stands in its way; a person decides')
}

/** What the vendor's people call a rival. */
export const CALLED: Record<RivalKind, string> = {
  same_partner: 'the same partner has registered it already',
  other_partner: 'another partner has registered it first',
  open_direct_deal: 'there is an open direct deal',
  open_partner_deal: 'there is an open deal with another partner',
  customer: 'the account is a customer',
  partner_of_record: 'the account has another partner of record',
  lost_deal: 'a deal was lost there recently',
  direct_lead: 'there is a direct lead',
}

/** What a partner is told of one that stands in the way. */
const TOLD_OF: Record<RivalKind, string> = {
  same_partner: 'You have registered this account and product already.',
  other_partner: 'Another registration for this account and product came first.',
  open_direct_deal: 'The vendor cannot accept it: the account is already being worked on.',
  open_partner_deal: 'The vendor cannot accept it: the account is already being worked on.',
  customer: 'The vendor cannot accept it: the account is already being worked on.',
  partner_of_record: 'The vendor cannot accept it: the account is already being worked on.',
  lost_deal: 'The vendor cannot accept it at this time.',
  direct_lead: 'The vendor cannot accept it: the account is already being worked on.',
}

export const TOLD: Record<State, string> = {
  submitted: 'It was received, and is being checked.',
  under_review: 'It is with the vendor for a decision.',
  approved: 'It is approved and protected.',
  rejected: 'It was not accepted.',
  withdrawn: 'It was withdrawn.',
  expired: 'Its protection has ended.',
}
