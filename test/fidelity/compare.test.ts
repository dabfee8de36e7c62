import { describe, expect, test } from 'vitest'
import { answerDifferences, differences } from './compare.ts'

/** The comparison can fail: what these tests reject, no replay lets through. */

const answer = (body: unknown, status = 200, headers: Record<string, string> = {}) => ({ status, headers, body })
const record = { id: '1', properties: { name: 'a', amount: null }, archived: false }

describe('differences', () => {
  test('ids, times and texts may differ', () => {
    expect(differences(record, { id: '2', properties: { name: 'b', amount: '5' }, archived: true })).toEqual([])
  })

  test.each([
    ['a missing key', { id: '1', properties: { name: 'a' }, archived: false }],
    ['a key too many', { ...record, url: 'x' }],
    ['a changed type', { ...record, id: 1 }],
    ['text for a truth value', { ...record, archived: 'false' }],
    ['null for an object', { ...record, properties: null }],
    ['a list for an object', { ...record, properties: [] }],
  ])('%s is rejected', (_, answered) => {
    expect(differences(record, answered)).toHaveLength(1)
  })

  test('elements of a list are one kind of thing', () => {
    const recorded = [{ id: '1', note: 'x' }, { id: '2' }]
    expect(differences(recorded, [{ id: '3' }])).toEqual([])
    expect(differences(recorded, [{ id: '3' }, { note: 'y' }])).toEqual(['$[].id: missing in the answer'])
    expect(differences(recorded, [{ id: '3', extra: 1 }])).toEqual(['$[].extra: not in the recording'])
    expect(differences(recorded, [])).toHaveLength(1)
    expect(differences([], recorded)).toHaveLength(1)
  })

  test('an element beyond a cut may have had a further key, but not all of them', () => {
    const cut = { cut: ['$'] }
    expect(differences([{ id: '1' }], [{ id: '2' }, { id: '3', extra: 1 }], cut)).toEqual([])
    expect(differences([{ id: '1' }], [{ id: '3', extra: 1 }], cut)).toHaveLength(1)
  })

  test('codes that programs branch on are no texts', () => {
    expect(differences([{ errorCode: 'A', message: 'x' }], [{ errorCode: 'B', message: 'y' }])).toHaveLength(1)
  })
})

describe('answers', () => {
  test('a wrong status is rejected', () => {
    expect(answerDifferences(answer({}), answer({}, 201))).toHaveLength(1)
  })

  test('rate-limit headers must be those recorded, no fewer and no more', () => {
    const recorded = answer({}, 200, { 'x-hubspot-ratelimit-max': '100', 'x-hubspot-ratelimit-daily': '1' })
    expect(
      answerDifferences(recorded, answer({}, 200, { 'x-hubspot-ratelimit-max': '5', 'x-hubspot-ratelimit-daily': '2' })),
    ).toEqual([])
    expect(answerDifferences(recorded, answer({}, 200, { 'x-hubspot-ratelimit-max': '5' }))).toHaveLength(1)
    const search = answer({}, 429, { 'x-hubspot-correlation-id': 'x' })
    const given = { 'x-hubspot-correlation-id': 'y', 'x-hubspot-ratelimit-max': '5' }
    expect(answerDifferences(search, answer({}, 429, given))).toHaveLength(1)
  })

  test('a recorded location must be answered', () => {
    expect(answerDifferences(answer({}, 201, { location: '/x' }), answer({}, 201))).toHaveLength(1)
  })
})
