import { describe, expect, test } from 'vitest'
import { explain } from '../../../sync/match/explain.ts'
import { scoreAlone } from '../../../sync/match/single.ts'
import { parseSubject, type Raw } from '../../../sync/match/subject.ts'

const explained = (a: Raw, b: Raw) => explain(scoreAlone(parseSubject('a', 'L', a), parseSubject('b', 'R', b), 'company'))

describe('explanations', () => {
  test('tell what speaks for a duplicate, on which leg it stands, and the keys that found it', () => {
    const e = explained({ name: 'Granite Harbor Ltd', phone: '2125550100' }, { name: 'Granite Harbor', phone: '2125550188' })
    expect(e.verdict).toBe('duplicate')
    expect(e.sentence).toBe(
      'Taken for one thing: name (same) speak for it, phone number (different) against it. It rests on the name alone.',
    )
    expect(e.keys).toContain('w:granite')
    expect(e.evidence.reduce((sum, x) => sum + x.weight, 0)).toBeCloseTo(e.score, 9)
  })

  test('say that nothing single decides where several things agree', () => {
    const both = { name: 'Granite Harbor', phone: '2125550100', website: 'graniteharbor.com' }
    expect(explained(both, both).wouldChange).toBe('No single piece of evidence decides it.')
  })

  test('name the rule that stands above the score', () => {
    const e = explained({ name: 'Granite Harbor AG' }, { name: 'Granite Harbor GmbH' })
    expect(e).toMatchObject({ verdict: 'review', because: expect.stringContaining('another legal form') })
    expect(e.wouldChange).toBe('An address, a phone number or a web domain of both would settle it.')
  })

  test('tell how much is lacking', () => {
    expect(explained({ name: 'Granite Harbor' }, { name: 'Falcon Orchid' }).wouldChange).toBe(
      'A city in common would make it a duplicate.',
    )
    const far = explained(
      { name: 'Granite Harbor', country: 'DE', phone: '2125550100' },
      { name: 'Falcon Orchid', country: 'FR', phone: '3125550199' },
    )
    expect(far.wouldChange).toBe('No one agreeing field would make it a duplicate.')
  })
})
