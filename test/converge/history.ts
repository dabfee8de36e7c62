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
  /** All lanes at the same time, reads and writes of a CRM side by side. */
  | { do: 'at_once' }
  | { do: 'two_workers'; crm: Crm; direction: 'pull' | 'push' }
  | { do: 'crash'; crm: Crm; direction: 'pull' | 'push'; after: number; committed: boolean }
  /** Somebody saves in the moment in which our next update of that CRM leaves: in a field that it writes. */
  | { do: 'meanwhile'; crm: Crm; pick: number }
  /** A poll is answered, and before its answer is merged our own write to one of its rows goes through. */
  | { do: 'overtaken'; crm: Crm; kind: Kind; pick: number; field: number }
  /** The answer to a write of ours is lost, and a person clears what it had brought before anybody reads it. */
  | { do: 'cleared_unheard'; crm: Crm; kind: Kind; pick: number }
  /** HubSpot's webhooks so far arrive: as they are, twice, in another order, or not at all. */
  | { do: 'webhooks'; how: 'all' | 'twice' | 'shuffled' | 'lost' }
  /** A webhook about a row that did not change. */
  | { do: 'hint'; crm: Crm; kind: Kind; pick: number }
  /** An admin hides a row from the integration user, or a field from everybody, and shows all again. */
  | { do: 'hide'; pick: number }
  | { do: 'drift'; kind: Kind }
  | { do: 'show' }
  /** All contacts of Salesforce are edited at once. */
  | { do: 'edit_all' }
  /** Admins forbid what others type, from now on: in Salesforce any number of employees, in HubSpot half of the titles. */
  | { do: 'rule' }
  // faults
  | { do: 'fault'; crm: 'salesforce' | 'hubspot'; action: (typeof FAULT_ACTIONS)[number]; skip: number }
  | { do: 'search_lag' | 'late_commit' | 'expire' }

const pick = fc.nat(7)
const field = fc.nat(2)
const kind = fc.constantFrom<Kind>('account', 'contact', 'deal')

/** Everything that can occur, by the name it is counted under. */
export const OCCURRENCES: readonly string[] = [
  ...['edit', 'clear', 'edit_both', 'edit_same', 'create', 'create_both', 'delete', 'restore', 'merge', 'move', 'api_edit'],
  ...[
    'api_delete',
    'resolve',
    'decide',
    'undo',
    'pull',
    'push',
    'scan',
    'all',
    'at_once',
    'two_workers',
    'crash',
    'hint',
    'meanwhile',
    'overtaken',
    'cleared_unheard',
  ],
  ...['saved meanwhile', 'webhooks all', 'webhooks twice', 'webhooks shuffled', 'webhooks lost', 'hide', 'drift', 'show'],
  ...['edit_all', 'rule', 'search_lag', 'late_commit', 'expire', 'with three connections'],
  ...FAULT_ACTIONS.map((action) => `fault ${action}`),
]

/** Rows of the merge table. */
export const MERGE_ROWS: readonly string[] = [
  ...['unchanged', 'remote changed', 'record changed', 'both changed, equal', 'both changed, different'],
  ...['first link, equal', 'first link, one side blank', 'first link, different'],
].map((row) => `merge: ${row}`)

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
    { weight: 2, arbitrary: fc.record({ do: fc.constant('merge' as const), crm, pick }) },
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
      weight: 6,
      arbitrary: fc.record({
        do: fc.constantFrom('resolve' as const, 'resolve' as const, 'decide' as const, 'undo' as const, 'undo' as const),
        pick,
      }),
    },
    { weight: 10, arbitrary: fc.record({ do: fc.constantFrom('pull' as const, 'push' as const), crm }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('scan' as const), crm }) },
    { weight: 4, arbitrary: fc.constant({ do: 'all' as const }) },
    { weight: 3, arbitrary: fc.constant({ do: 'at_once' as const }) },
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
    { weight: 1, arbitrary: fc.record({ do: fc.constant('hint' as const), crm, kind, pick }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('meanwhile' as const), crm, pick }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('overtaken' as const), crm, kind, pick, field }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('cleared_unheard' as const), crm, kind, pick }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('webhooks' as const),
        how: fc.constantFrom('all' as const, 'twice' as const, 'shuffled' as const, 'lost' as const),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('hide' as const), pick }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('drift' as const), kind }) },
    { weight: 1, arbitrary: fc.constant({ do: 'show' as const }) },
    { weight: 3, arbitrary: fc.constant({ do: 'edit_all' as const }) },
    { weight: 2, arbitrary: fc.constant({ do: 'rule' as const }) },
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
