import type { Portal } from '../hubspot/portal.ts'
import type { Org } from '../salesforce/org.ts'
import { makeCompanies } from './companies.ts'
import { makeContacts } from './contacts.ts'
import { makeDeals, makeProducts } from './deals.ts'
import type { Making } from './making.ts'
import { seedPeople } from './people.ts'
import { Random } from './random.ts'

/**
 * Makes the demo world: one set of true companies, people and deals, of which each CRM holds its own
 * share, spelt its own way, with fields older, newer or blank, as happens where nobody keeps two CRMs in
 * agreement. Which row is which is returned as the truth, for tests.
 */
export interface WorldOptions {
  accounts: number
  contacts: number
  deals: number
  partners: number
  seed: number
  /** Share of the Salesforce rows that HubSpot holds too. */
  shared?: number
  /** Rows of HubSpot alone, as a share of the Salesforce rows. */
  extra?: number
  /** Switches spelling differences, blanks and twins off: clean data for measurements. */
  clean?: boolean
}

/** True identity -> row in each CRM. `hubspotTwins` are further HubSpot rows of the same thing. */
export interface Truth {
  [entity: string]: { salesforce?: string; hubspot?: string; hubspotTwins?: string[] }[]
}

/** Fills an empty org and portal. */
export function generateWorld(org: Org, portal: Portal, options: WorldOptions): Truth {
  const { shared = 0.7, extra = 0.1, clean = false } = options
  const random = new Random(options.seed)
  const { users, owners } = seedPeople(org, portal)
  const making: Making = {
    org,
    portal,
    random,
    options,
    shared,
    extra,
    clean,
    dirty: (share) => !clean && random.chance(share),
    users,
    owners,
    active: users.length - 1,
    truth: { partner: [], account: [], contact: [], deal: [] },
  }
  const products = makeProducts(making)
  const { partners, accounts } = makeCompanies(making)
  const contactsOf = makeContacts(making, accounts)
  makeDeals(making, products, partners, accounts, contactsOf)
  return making.truth
}
