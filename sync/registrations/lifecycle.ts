/** The life of a registration, as data: every way that one state becomes another, and who may bring it about. */

export const STATES = ['submitted', 'under_review', 'approved', 'rejected', 'withdrawn', 'expired'] as const
export type State = (typeof STATES)[number]

/** `manager`: whoever decides for the vendor. `partner`: whoever submitted it. `rules`: nobody in person. */
export type Role = 'manager' | 'partner' | 'rules'

export interface Transition {
  from: State
  to: State
  by: readonly Role[]
}

export const TRANSITIONS: readonly Transition[] = [
  { from: 'submitted', to: 'under_review', by: ['rules', 'manager'] },
  { from: 'submitted', to: 'approved', by: ['rules', 'manager'] },
  { from: 'submitted', to: 'rejected', by: ['rules', 'manager'] },
  { from: 'submitted', to: 'withdrawn', by: ['partner', 'manager', 'rules'] },
  { from: 'under_review', to: 'approved', by: ['rules', 'manager'] },
  { from: 'under_review', to: 'rejected', by: ['rules', 'manager'] },
  { from: 'under_review', to: 'withdrawn', by: ['partner', 'manager', 'rules'] },
  { from: 'approved', to: 'withdrawn', by: ['partner', 'manager', 'rules'] },
  // Its window has passed, or its deal was lost.
  { from: 'approved', to: 'expired', by: ['rules', 'manager'] },
]

export const mayBecome = (from: State, to: State, by: Role): boolean =>
  TRANSITIONS.some((t) => t.from === from && t.to === to && t.by.includes(by))

/** Still to be decided. */
export const isOpen = (state: State): boolean => state === 'submitted' || state === 'under_review'
/** Its account and product are spoken for, if it came first. */
export const holdsItsPlace = (state: State): boolean => isOpen(state) || state === 'approved'
