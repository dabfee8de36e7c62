import type { Source } from '../hubspot/model.ts'
import type { Portal } from '../hubspot/portal.ts'
import type { Org } from '../salesforce/org.ts'
import type { Company } from './companies.ts'
import type { Truth, WorldOptions } from './generate.ts'
import type { Random } from './random.ts'

/** What every maker of the demo world works with. */
export interface Making {
  org: Org
  portal: Portal
  random: Random
  options: WorldOptions
  shared: number
  extra: number
  clean: boolean
  /** Whether the next value is spelt differently, blank or doubled: never in a clean world. */
  dirty: (share: number) => boolean
  users: string[]
  owners: string[]
  /** How many of the users are still there: inactive people own nothing new. */
  active: number
  truth: Truth
}

/** A thing's row in each CRM that holds it. */
export interface Rows {
  salesforce?: string
  hubspot?: string
}
export interface Known extends Rows {
  company: Company
}

export const PERSON_SOURCE: Source = { type: 'CRM_UI', id: 'userId:12345', userId: 12345 }
