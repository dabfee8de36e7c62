import { describe, expect, test } from 'vitest'
import { assess, type Candidate, type Rival } from '../../../sync/registrations/assess.ts'
import { mayBecome, STATES, TRANSITIONS } from '../../../sync/registrations/lifecycle.ts'
import { isSameClaim } from '../../../sync/registrations/product.ts'
import { bandOf, DEFAULT_RULES_TEXT, parseRules, RIVAL_KINDS, type Rules } from '../../../sync/registrations/rules.ts'

/** Rules of engagement, states, and what is the same deal: no store, no clock. */

const rules = (yaml = ''): Rules => {
  const parsed = parseRules(yaml)
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems))
  return parsed.rules
}
const problems = (yaml: string) => {
  const parsed = parseRules(yaml)
  return 'problems' in parsed ? parsed.problems.map((p) => `${p.line}: ${p.message}`) : []
}
const bands = (...of: string[]) => `decision:\n  bands:\n${of.map((b) => `    - ${b}\n`).join('')}`

describe('the document', () => {
  test('an empty one, and the one that is shown, mean the same', () => {
    expect(rules(DEFAULT_RULES_TEXT)).toEqual(rules())
  })

  test.each([
    ['no YAML', 'a: [', /^1: /],
    ['an unknown key', 'protecton:\n  lasts: 9d', /^1: the document: Unrecognized key/],
    ['an unknown time zone', 'calendar:\n  timeZone: Mars', /^2: calendar.timeZone: is no time zone/],
    ['a duration without a unit', 'protection:\n  lasts: 90', /^2: protection.lasts/],
    ['hours that end before they begin', 'calendar:\n  hours: ["17:00", "09:00"]', /^2: calendar.hours: they end before/],
    ['a date that is none', 'calendar:\n  holidays: [2026-02-30]', /^2: calendar.holidays.0: is no date/],
    ['an unknown consequence', 'rivals:\n  customer: maybe', /^2: rivals.customer/],
    ['a gap at the bottom', bands('{ from: 10 }'), /^3: decision.bands.0: a gap: .* 0 to 10/],
    ['a gap in the middle', bands('{ upTo: 10 }', '{ from: 20 }'), /^4: decision.bands.1: a gap: .* 10 to 20/],
    ['a gap at the top', bands('{ upTo: 10 }'), /^3: decision.bands.0: a gap: .* 10 and more/],
    ['an overlap', bands('{ upTo: 30 }', '{ from: 20 }'), /^4: decision.bands.1: an overlap: .* 20 to 30/],
    ['two without an end', bands('{ from: 0 }', '{ from: 20 }'), /no end, and another band follows/],
  ])('%s is told with its line', (_, yaml, message) => {
    expect(problems(yaml).join('\n')).toMatch(message)
  })

  test('bands may stand in any order; an amount at a border is in the upper one; another currency is in none', () => {
    const r = rules(bands('{ from: 20, decideWithin: 1h }', '{ upTo: 20, decideWithin: 2h }'))
    const of = (amount: string, currency = 'USD') => bandOf(r, { amount, currency })?.decideWithin
    expect([of('0'), of('19.99'), of('20'), bandOf(r, null)?.decideWithin].map((ms) => ms! / 3_600_000)).toEqual([2, 2, 1, 2])
    expect(of('5', 'EUR')).toBeUndefined()
  })
})

describe('states', () => {
  test('only an approved one expires; what is rejected, withdrawn or expired stays so', () => {
    for (const state of STATES) expect(mayBecome(state, 'expired', 'rules'), state).toBe(state === 'approved')
    expect(TRANSITIONS.filter((t) => ['rejected', 'withdrawn', 'expired'].includes(t.from))).toEqual([])
  })

  test('a partner takes back, and decides nothing', () => {
    expect([...new Set(TRANSITIONS.filter((t) => t.by.includes('partner')).map((t) => t.to))]).toEqual(['withdrawn'])
  })
})

describe('what is decided', () => {
  const candidate: Candidate = {
    state: 'submitted',
    standing: 'first',
    hasPartner: true,
    partnerTier: 'Gold',
    amount: { amount: '10', currency: 'USD' },
  }
  const rival = (kind: Rival['kind'], more: Partial<Rival> = {}): Rival => ({
    kind,
    recordId: 'r',
    entity: 'deal',
    name: 'Secret deal',
    certain: true,
    otherProduct: false,
    because: '',
    ...more,
  })
  const auto = rules(bands('{ approveAutomatically: [gold] }'))

  test('clear, first and of a tier that the band names: approved; else a person', () => {
    expect(assess(candidate, [], auto).next).toBe('approved')
    expect(assess(candidate, [rival('lost_deal')], auto).next).toBe('approved')
    for (const other of [
      { partnerTier: 'silver' },
      { partnerTier: null },
      { standing: 'second' as const },
      { hasPartner: false },
      { amount: { amount: '10', currency: 'EUR' } },
    ])
      expect(assess({ ...candidate, ...other }, [], auto).next, JSON.stringify(other)).toBe('under_review')
  })

  test('the strictest rule wins; nobody is rejected for an account that only may be the same', () => {
    const strict = rules('rivals:\n  customer: reject\n')
    expect(assess(candidate, [rival('lost_deal'), rival('customer')], strict)).toMatchObject({
      next: 'rejected',
      rule: 'rivals.customer: reject',
    })
    expect(assess(candidate, [rival('customer', { certain: false })], strict).next).toBe('under_review')
    expect(assess(candidate, [rival('customer', { otherProduct: true })], auto).next).toBe('approved')
  })

  test('whatever stands in the way, the partner is told nothing of it', () => {
    for (const kind of RIVAL_KINDS)
      for (const consequence of ['reject', 'review', 'note'] as const) {
        const { told } = assess(candidate, [rival(kind)], rules(`rivals:\n  ${kind}: ${consequence}\n`))
        expect(told, kind).not.toMatch(/Secret|direct|customer|lead\b|lost/)
      }
  })

  test('what a person has in hand is not decided by a rule that changes its mind', () => {
    expect(assess({ ...candidate, state: 'under_review' }, [], auto).next).toBeUndefined()
    expect(assess({ ...candidate, state: 'under_review' }, [rival('same_partner')], auto).next).toBeUndefined()
  })
})

describe('the same deal', () => {
  test.each([
    ['Orbit Suite 2', 'orbit suite 2', true],
    ['Orbit Suite 2', 'OrbitSuite 2', true],
    ['Orbit Suite 2', 'Orbit Siute 2', true],
    ['Orbit Suite 2', 'Orbit', true],
    ['Orbit Suite 2', null, true],
    ['Orbit Suite 2', 'Orbit Suite 3', false],
    ['Orbit Suite', 'Lumen Router', false],
    ['CRM', 'ERP', false],
  ])('%s and %s: %s', (a, b, same) => {
    expect([isSameClaim(a, b), isSameClaim(b, a)]).toEqual([same, same])
  })
})
