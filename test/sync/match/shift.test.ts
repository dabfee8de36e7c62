import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Answered, suggestShift } from '../../../sync/match/shift.ts'

/** Where people's answers draw the line. */

const many = (score: number, same: boolean, n: number): Answered[] => Array.from({ length: n }, () => ({ score, same }))

test('what people call one although it scored low draws the line lower; what they call two draws it higher', () => {
  expect(suggestShift([...many(-2, true, 15), ...many(-4, false, 15)], 0)).toMatchObject({ shift: 3, wrongNow: 15, wrongThen: 0 })
  expect(suggestShift([...many(3, false, 15), ...many(5, true, 15)], 0)).toMatchObject({ shift: -4, wrongNow: 15, wrongThen: 0 })
})

test('where the line is right it stays; few answers, or answers of one kind, say nothing', () => {
  expect(suggestShift([...many(2, true, 15), ...many(-2, false, 15)], 0)?.shift).toBe(0)
  expect(suggestShift([...many(2, true, 9), ...many(-2, false, 9)], 0)).toBeUndefined()
  expect(suggestShift(many(2, true, 50), 0)).toBeUndefined()
})

test('law: a suggestion never costs more than what counts now, does not depend on the order, and moves by 6 bits at most', () => {
  const answer = fc.record({ score: fc.integer({ min: -80, max: 80 }).map((n) => n / 4), same: fc.boolean() })
  fc.assert(
    fc.property(fc.array(answer, { minLength: 20, maxLength: 60 }), fc.constantFrom(0, 1.5, -2), (answers, present) => {
      const found = suggestShift(answers, present)
      if (!found) return
      expect(found.costThen).toBeLessThanOrEqual(found.costNow)
      expect(Math.abs(found.shift)).toBeLessThanOrEqual(6)
      expect(suggestShift(answers.toReversed(), present)).toEqual(found)
    }),
  )
})
