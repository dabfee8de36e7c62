import fc from 'fast-check'
import { FAULT_ACTIONS } from '../../sandbox/faults.ts'

/** A history: what people, lanes and faults do, one after another, as plain data that fast-check makes and shrinks. */

export type Crm = 'salesforce' | 'hubspot' | 'second'
export type Kind = 'account' | 'contact' | 'deal'

/** Text and number fields of each kind that people edit. Every value that is typed is typed once in a history. */
export const EDITED = {
  account: ['city', 'phone', 'employees'],
  contact: ['jobTitle', 'phone'],
  deal: ['nextStep', 'description', 'amount'],
} as const satisfies Record<Kind, readonly string[]>

export type Action =
  // people in the CRMs
  | { do: 'edit' | 'clear'; crm: Crm; kind: Kind; pick: number; field: number }
  /** Two people, in two CRMs, in the same field, before anything is synced: different values, or the same. */
  | { do: 'edit_both' | 'edit_same'; kind: Kind; pick: number; field: number }
  | { do: 'create'; crm: Crm; kind: Kind; pick: number }
  | { do: 'create_both'; kind: 'account' | 'contact'; pick: number }
  | { do: 'delete' | 'restore'; crm: Crm; kind: Kind; pick: number }
  | { do: 'merge'; crm: Crm; pick: number }
  | { do: 'move'; crm: Crm; kind: 'contact' | 'deal'; pick: number; to: number }
  // people at Concordat
  | { do: 'api_edit' | 'api_delete'; kind: Kind; pick: number; field: number }
  | { do: 'resolve' | 'decide' | 'undo'; pick: number }
  // lanes
  | { do: 'pull' | 'push' | 'scan'; crm: Crm }
  | { do: 'all' }
  | { do: 'two_workers'; crm: Crm; direction: 'pull' | 'push' }
  | { do: 'crash'; crm: Crm; direction: 'pull' | 'push'; after: number; committed: boolean }
  /** A webhook: about a row that changed, late, twice, or about one that did not change. */
  | { do: 'hint'; crm: Crm; kind: Kind; pick: number }
  // faults
  | { do: 'fault'; crm: 'salesforce' | 'hubspot'; action: (typeof FAULT_ACTIONS)[number]; skip: number }
  | { do: 'search_lag' | 'late_commit' | 'expire' }

const pick = fc.nat(7)
const field = fc.nat(2)
const kind = fc.constantFrom<Kind>('account', 'contact', 'deal')

/** @param crms the connections of the history. */
export function historyOf(crms: readonly Crm[]): fc.Arbitrary<Action[]> {
  const crm = fc.constantFrom(...crms)
  const action = fc.oneof(
    { weight: 12, arbitrary: fc.record({ do: fc.constant('edit' as const), crm, kind, pick, field }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('clear' as const), crm, kind, pick, field }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('edit_both' as const, 'edit_same' as const), kind, pick, field }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('create' as const), crm, kind, pick }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('create_both' as const),
        kind: fc.constantFrom('account' as const, 'contact' as const),
        pick,
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('delete' as const, 'restore' as const), crm, kind, pick }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('merge' as const), crm, pick }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('move' as const),
        crm,
        kind: fc.constantFrom('contact' as const, 'deal' as const),
        pick,
        to: pick,
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('api_edit' as const), kind, pick, field }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('api_delete' as const), kind, pick, field }) },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constantFrom('resolve' as const, 'resolve' as const, 'decide' as const, 'undo' as const),
        pick,
      }),
    },
    { weight: 10, arbitrary: fc.record({ do: fc.constantFrom('pull' as const, 'push' as const), crm }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('scan' as const), crm }) },
    { weight: 5, arbitrary: fc.constant({ do: 'all' as const }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('two_workers' as const),
        crm,
        direction: fc.constantFrom('pull' as const, 'push' as const),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('crash' as const),
        crm,
        direction: fc.constantFrom('pull' as const, 'push' as const),
        after: fc.nat(12),
        committed: fc.boolean(),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('hint' as const), crm, kind, pick }) },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant('fault' as const),
        crm: fc.constantFrom('salesforce' as const, 'hubspot' as const),
        action: fc.constantFrom(...FAULT_ACTIONS),
        skip: fc.nat(2),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constantFrom('search_lag' as const, 'late_commit' as const, 'expire' as const) }),
    },
  )
  return fc.array(action, { minLength: 4, maxLength: 24, size: 'max' })
}
