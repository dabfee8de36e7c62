import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Json } from '../../mappings/model/value.ts'
import type { Interval } from '../../mappings/state.ts'
import { baseOf, fieldsOf, provenanceOf, storedBase, storedFields, storedWrite, writeOf } from '../../store/compact.ts'

/** What is left out when state is stored comes back when it is read, through JSON and whatever the values. */

const json = fc.jsonValue({ maxDepth: 1 }) as fc.Arbitrary<Json>
const n = fc.integer({ min: 0, max: 3 })
const origin = fc.constantFrom('api', 'a', 'b')
const interval = fc.tuple(fc.constantFrom(0, 5), fc.constantFrom(5, 9)) as fc.Arbitrary<Interval>
const named = <T>(entry: fc.Arbitrary<T>) =>
  fc.dictionary(fc.constantFrom('name', 'phone', 'amount'), entry, { noNullPrototype: true })
const through = <T>(stored: T): T => JSON.parse(JSON.stringify(stored))

test('fields', () =>
  fc.assert(
    fc.property(named(fc.record({ v: json, n, o: origin, t: interval })), (fields) => {
      const from = provenanceOf(fields)
      expect(fieldsOf(through(storedFields(fields, from)), from)).toEqual(through(fields))
    }),
  ))

test('bases', () =>
  fc.assert(
    fc.property(named(fc.record({ c: json, r: json, n })), (base) => {
      expect(baseOf(through(storedBase(base)))).toEqual(through(base))
    }),
  ))

test('writes', () =>
  fc.assert(
    fc.property(
      named(fc.record({ c: json, s: json, b: json, n, later: fc.constant(true) }, { requiredKeys: ['c', 's', 'b', 'n'] })),
      (fields) => {
        expect(writeOf(through(storedWrite(fields)))).toEqual(through(fields))
      },
    ),
  ))
