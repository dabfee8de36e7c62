import { expect, test } from 'vitest'
import type { Value } from '../../mappings/model/value.ts'
import type { RecordRow } from '../../mappings/state.ts'
import { type Survivorship, survivors } from '../../sync/golden/survivorship.ts'

/** Whose value each field keeps. */

const record = (id: string, fields: Record<string, [value: Value, origin: string, at: number]>): RecordRow => ({
  id,
  entity: 'account',
  fields: Object.fromEntries(
    Object.entries(fields).map(([name, [v, o, at]]) => [name, { v, n: 1, o, t: [at, at] as [number, number] }]),
  ),
  version: 1,
  deleted: false,
  frozen: null,
  deleteApproved: false,
  createdAt: 0,
})
const A = record('a', { name: ['Heron', 'sf', 5], phone: [null, 'sf', 9], industry: ['x', 'hs', 1] })
const B = record('b', {
  name: ['Heron Robotics', 'hs', 3],
  phone: ['+1', 'hs', 1],
  industry: ['y', 'sf', 2],
  domain: ['h.com', 'hs', 1],
})
const names = (origin: string) => [origin]
const kept = (rule: Survivorship, manual: Record<string, Value> = {}, of = [A, B]) =>
  Object.fromEntries(survivors(of, { rules: { default: rule }, manual }, names).map((s) => [s.field, s.value]))

test.each<[Survivorship, Record<string, Value>]>([
  ['first', { name: 'Heron', phone: '+1', industry: 'x', domain: 'h.com' }],
  ['recent', { name: 'Heron', phone: '+1', industry: 'y', domain: 'h.com' }],
  ['complete', { name: 'Heron Robotics', phone: '+1', industry: 'y', domain: 'h.com' }],
  ['longest', { name: 'Heron Robotics', phone: '+1', industry: 'x', domain: 'h.com' }],
  [{ source: ['sf', 'hs'] }, { name: 'Heron', phone: '+1', industry: 'y', domain: 'h.com' }],
])('%j; a blank never prevails', (rule, values) => {
  expect(kept(rule)).toEqual(values)
})

test('a person’s value stands above every rule, and says what it replaced', () => {
  const found = survivors([A, B], { rules: { default: 'recent' }, manual: { name: 'Heron Ltd' } }, names)
  expect(found.find((s) => s.field === 'name')).toEqual({
    field: 'name',
    value: 'Heron Ltd',
    from: null,
    rule: 'manual',
    lost: [
      { recordId: 'a', value: 'Heron' },
      { recordId: 'b', value: 'Heron Robotics' },
    ],
  })
})
