import type { Source } from '../hubspot/model.ts'
import type { Portal } from '../hubspot/portal.ts'
import { INTEGRATION_USER, PERSON } from '../salesforce/model.ts'
import type { Org } from '../salesforce/org.ts'
import { Random } from './random.ts'
import {
  DEAL_TOPICS,
  FIRST_NAMES,
  INDUSTRY_OF,
  JOB_TITLES,
  LAST_NAMES,
  NAME_HEADS,
  NAME_KINDS,
  NAME_TAILS,
  PLACES,
  type Place,
  PRODUCTS,
  STREETS,
} from './words.ts'

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

interface Company {
  name: string
  form: string
  domain: string
  place: Place
  city: Place['cities'][number]
  kind: string
  street: string
  phone: string
  employees: number
  revenue: number
  owner: number
}

const PERSON_SOURCE: Source = { type: 'CRM_UI', id: 'userId:12345', userId: 12345 }

const STAGE_PAIRS = [
  ['Prospecting', 'appointmentscheduled'],
  ['Qualification', 'qualifiedtobuy'],
  ['Needs Analysis', 'qualifiedtobuy'],
  ['Proposal/Price Quote', 'presentationscheduled'],
  ['Negotiation/Review', 'contractsent'],
  ['Negotiation/Review', 'decisionmakerboughtin'],
  ['Closed Won', 'closedwon'],
  ['Closed Lost', 'closedlost'],
] as const

/** Users of both CRMs; the last one of each list has left the company. */
export function seedPeople(org: Org, portal: Portal): { users: string[]; owners: string[] } {
  const people = [
    'Nora Quinn',
    'Igor Novak',
    'Ada Becker',
    'Leo Ramos',
    'Mei Tanaka',
    'Paul Dubois',
    'Rita Olsen',
    'Theo Marsh',
  ].map((n) => n.split(' ') as [string, string])
  const email = ([first, last]: [string, string]) => `${first}.${last}@concordat-demo.example`.toLowerCase()
  const system = ['Integration', 'User'] as [string, string]
  const users = [system, ...people].map((p, i) =>
    org.create(
      'User',
      {
        FirstName: p[0],
        LastName: p[1],
        Email: email(p),
        Username: email(p),
        IsActive: i !== people.length,
        UserType: 'Standard',
        TimeZoneSidKey: 'UTC',
      },
      INTEGRATION_USER,
    ),
  )
  org.create(
    'Organization',
    {
      Name: 'Concordat Demo',
      TimeZoneSidKey: 'UTC',
      DefaultLocaleSidKey: 'en_US',
      LanguageLocaleKey: 'en_US',
      OrganizationType: 'Developer Edition',
      InstanceName: 'SBX1',
      IsSandbox: true,
      DefaultCurrencyIsoCode: org.currency,
    },
    INTEGRATION_USER,
  )
  const owners = people.map((p, i) => {
    const owner = {
      id: String(70_000_001 + i),
      email: email(p),
      firstName: p[0],
      lastName: p[1],
      userId: 5_000_001 + i,
      active: i !== people.length - 1,
    }
    portal.owners.set(owner.id, owner)
    return owner.id
  })
  return { users: users.slice(1), owners }
}

/** Fills an empty org and portal. */
export function generateWorld(org: Org, portal: Portal, options: WorldOptions): Truth {
  const { shared = 0.7, extra = 0.1, clean = false } = options
  const random = new Random(options.seed)
  const { users, owners } = seedPeople(org, portal)
  // Inactive people own nothing new; the last of the list has left.
  const active = users.length - 1
  const truth: Truth = { partner: [], account: [], contact: [], deal: [] }
  const products = PRODUCTS.map((p) => ({
    ...p,
    id: org.create('Product2', { Name: p.name, ProductCode: p.name.toUpperCase().replace(' ', '-'), IsActive: true }, PERSON),
  }))
  const names = new Set<string>()

  const company = (): Company => {
    const place = random.pick(PLACES)
    let name: string
    do name = `${random.pick(NAME_HEADS)}${random.pick(NAME_TAILS)} ${random.pick(NAME_KINDS)}`
    while (names.has(name))
    names.add(name)
    const kind = name.split(' ').at(-1)!
    return {
      name,
      kind,
      place,
      city: random.pick(place.cities),
      form: random.pick(place.forms),
      domain: `${name.toLowerCase().replaceAll(' ', '-')}.${place.tld}`,
      street: `${random.pick(STREETS)} Street ${random.int(1, 180)}`,
      phone: `${place.dial}${place.dial === '+1' ? random.pick(['415', '512', '617']) : random.pick(['30', '40', '20'])}${random.int(2_000_000, 9_999_999)}`,
      employees: random.int(5, 9000),
      revenue: random.int(1, 900) * 100_000,
      owner: random.int(0, active - 1),
    }
  }
  const dirty = (p: number) => !clean && random.chance(p)

  const inSalesforce = (c: Company, more: Record<string, unknown> = {}) =>
    org.create(
      'Account',
      {
        Name: dirty(0.5) ? `${c.name} ${c.form}` : c.name,
        Website: dirty(0.04) ? null : dirty(0.5) ? `https://www.${c.domain}/` : c.domain,
        Phone: dirty(0.1) ? null : c.phone,
        Industry: INDUSTRY_OF[c.kind]!.salesforce,
        NumberOfEmployees: c.employees,
        AnnualRevenue: c.revenue,
        BillingStreet: c.street,
        BillingCity: c.city.city,
        BillingState: c.place.code === 'US' || c.place.code === 'CA' ? c.city.stateCode : null,
        BillingPostalCode: `${c.city.postal}01`,
        BillingCountry: c.place.country,
        OwnerId: users[c.owner],
        Type: 'Customer - Direct',
        ...more,
      },
      PERSON,
    )

  const inHubspot = (c: Company, more: Record<string, unknown> = {}, noDomain = dirty(0.03)) =>
    portal.create(
      'companies',
      {
        name: dirty(0.25) ? c.name.toUpperCase() : dirty(0.2) ? `${c.name} ${c.form.replace('.', '')}` : c.name,
        domain: noDomain ? null : c.domain,
        phone: dirty(0.2) ? null : dirty(0.4) ? c.phone.replace(/(\d{3})(\d{4})$/, ' $1 $2') : c.phone,
        industry: INDUSTRY_OF[c.kind]!.hubspot,
        numberofemployees: String(dirty(0.1) ? c.employees + random.int(1, 50) : c.employees),
        annualrevenue: dirty(0.15) ? null : String(c.revenue),
        address: dirty(0.1) ? null : c.street,
        city: c.city.city,
        state: c.place.code === 'US' || c.place.code === 'CA' ? (dirty(0.5) ? c.city.state : c.city.stateCode) : null,
        zip: `${c.city.postal}01`,
        country: dirty(0.2) ? c.place.code : c.place.country,
        hubspot_owner_id: owners[c.owner],
        ...more,
      },
      PERSON_SOURCE,
    ).id

  // --- partners and accounts ------------------------------------------------------------------------
  interface Known {
    company: Company
    salesforce?: string
    hubspot?: string
  }
  const place = (
    count: number,
    entity: 'partner' | 'account',
    sf: (i: number) => Record<string, unknown>,
    hs: (i: number) => Record<string, unknown>,
  ): Known[] => {
    const known: Known[] = []
    const all = count + Math.round(count * extra)
    for (let i = 0; i < all; i++) {
      const c = company()
      const both = i < count && random.chance(shared)
      const row: Known = { company: c }
      // A subsidiary shares the domain of the company before it.
      if (entity === 'account' && i > 0 && dirty(0.02)) c.domain = known[i - 1]!.company.domain
      if (i < count) row.salesforce = inSalesforce(c, sf(i))
      const sfRow = row.salesforce ? org.row('Account', row.salesforce) : undefined
      const hasDomainInSalesforce = sfRow ? sfRow.values.Website !== null : true
      if (both || i >= count) row.hubspot = inHubspot(c, hs(i), hasDomainInSalesforce ? undefined : true)
      known.push(row)
      const twin = both && dirty(0.006) ? [inHubspot(c, hs(i), false)] : undefined
      truth[entity]!.push({
        ...(row.salesforce && { salesforce: row.salesforce }),
        ...(row.hubspot && { hubspot: row.hubspot }),
        ...(twin && { hubspotTwins: twin }),
      })
    }
    return known
  }
  const partners = place(
    options.partners,
    'partner',
    (i) => ({ Type: i % 3 === 2 ? 'Technology Partner' : 'Channel Partner / Reseller' }),
    (i) => ({ type: i % 3 === 2 ? 'PARTNER' : 'RESELLER' }),
  )
  const accounts = place(
    options.accounts,
    'account',
    () => ({}),
    () => ({ type: 'PROSPECT' }),
  )
  for (let i = 10; i < accounts.length; i += 25) {
    const [child, parent] = [accounts[i]!, accounts[i - 7]!]
    if (child.salesforce && parent.salesforce) org.update('Account', child.salesforce, { ParentId: parent.salesforce }, PERSON)
    if (child.hubspot && parent.hubspot)
      portal.associate('companies', child.hubspot, 'companies', parent.hubspot, 'HUBSPOT_DEFINED', 14, PERSON_SOURCE)
  }

  // --- contacts -------------------------------------------------------------------------------------
  const emails = new Set<string>()
  const contactsOf = new Map<Known, { salesforce?: string; hubspot?: string }[]>()
  const total = options.contacts + Math.round(options.contacts * extra)
  for (let i = 0; i < total; i++) {
    const own = i >= options.contacts
    const at = own
      ? accounts.filter((a) => a.hubspot).at(-1 - (i % Math.max(1, Math.round(options.accounts * extra))))!
      : accounts[i % options.accounts]!
    const [first, last] = [random.pick(FIRST_NAMES), random.pick(LAST_NAMES)]
    let email = `${first}.${last}@${at.company.domain}`.toLowerCase()
    for (let n = 2; emails.has(email); n++) email = `${first}.${last}${n}@${at.company.domain}`.toLowerCase()
    emails.add(email)
    const [mobile, title] = [
      `${at.company.place.dial}${at.company.place.dial === '+1' ? '617' : '151'}${random.int(2_000_000, 9_999_999)}`,
      random.pick(JOB_TITLES),
    ]
    const row: { salesforce?: string; hubspot?: string } = {}
    if (!own && at.salesforce)
      row.salesforce = org.create(
        'Contact',
        {
          FirstName: first,
          LastName: last,
          Email: email,
          Phone: at.company.phone,
          MobilePhone: dirty(0.3) ? null : mobile,
          Title: title,
          AccountId: at.salesforce,
          OwnerId: users[at.company.owner],
        },
        PERSON,
      )
    if (at.hubspot && (own || clean || random.chance(shared / 0.7))) {
      const blank = dirty(0.01)
      row.hubspot = portal.create(
        'contacts',
        {
          firstname: dirty(0.1) ? first.toUpperCase() : first,
          lastname: last,
          email: blank ? null : email,
          phone: at.company.phone,
          mobilephone: dirty(0.4) ? null : mobile,
          jobtitle: dirty(0.15) ? `${title} ` : dirty(0.05) ? 'Manager' : title,
          hubspot_owner_id: owners[at.company.owner],
        },
        PERSON_SOURCE,
      ).id
      portal.associate('contacts', row.hubspot, 'companies', at.hubspot, 'HUBSPOT_DEFINED', 1, PERSON_SOURCE)
    }
    if (!row.salesforce && !row.hubspot) continue
    truth.contact!.push({ ...row })
    const list = contactsOf.get(at) ?? []
    contactsOf.set(at, list)
    list.push(row)
  }

  // --- deals ----------------------------------------------------------------------------------------
  const dealNames = new Set<string>()
  const now = org.clock.now()
  const totalDeals = options.deals + Math.round(options.deals * extra)
  const hubspotOnly = accounts.filter((a) => a.hubspot)
  for (let i = 0; i < totalDeals; i++) {
    const own = i >= options.deals
    const at = own ? hubspotOnly[i % hubspotOnly.length]! : accounts[i % options.accounts]!
    const product = random.pick(products)
    const quantity = random.int(1, 40)
    const [topic, year] = [random.pick(DEAL_TOPICS), 2025 + random.int(0, 2)]
    let name = `${at.company.name} - ${product.name} ${topic} ${year}`
    for (let n = 2; dealNames.has(name); n++) name = `${at.company.name} - ${product.name} ${topic} ${year} #${n}`
    dealNames.add(name)
    const [sfStage, hsStage] = random.pick(STAGE_PAIRS)
    const amount = product.price * quantity
    const close = new Date(now + random.int(-300, 300) * 86_400_000).toISOString().slice(0, 10)
    const partner = random.chance(0.2) ? random.pick(partners) : undefined
    const row: { salesforce?: string; hubspot?: string } = {}
    const isNew = random.chance(0.6)
    const people = contactsOf.get(at) ?? []
    const contact = people.length > 0 ? random.pick(people) : undefined
    // Some opportunities were typed without an account; those exist in Salesforce only.
    const orphan = !own && dirty(0.02)
    if (!own && at.salesforce) {
      row.salesforce = org.create(
        'Opportunity',
        {
          Name: name,
          AccountId: orphan ? null : at.salesforce,
          Amount: amount,
          StageName: sfStage,
          CloseDate: close,
          Type: isNew ? 'New Customer' : 'Existing Customer - Upgrade',
          OwnerId: users[at.company.owner],
          NextStep: dirty(0.5) ? null : 'Send proposal',
          Description: dirty(0.7) ? null : `About ${product.name} for ${at.company.name}.`,
          Concordat_Source__c: partner ? 'Partner sourced' : 'Direct',
          ...(partner?.salesforce && { Concordat_Partner__c: partner.salesforce }),
        },
        PERSON,
      )
      org.create(
        'OpportunityLineItem',
        {
          OpportunityId: row.salesforce,
          Product2Id: product.id,
          Quantity: quantity,
          UnitPrice: product.price,
        },
        PERSON,
      )
      if (contact?.salesforce)
        org.create(
          'OpportunityContactRole',
          {
            OpportunityId: row.salesforce,
            ContactId: contact.salesforce,
            Role: 'Decision Maker',
            IsPrimary: true,
          },
          PERSON,
        )
    }
    if (!orphan && at.hubspot && (own || clean || random.chance(shared / 0.7))) {
      row.hubspot = portal.create(
        'deals',
        {
          dealname: dirty(0.1) ? name.replace(' - ', ': ') : name,
          amount: dirty(0.05) ? String(amount * 0.995) : String(amount),
          pipeline: 'default',
          dealstage: hsStage,
          closedate: `${close}T${dirty(0.5) ? '15:30:00' : '00:00:00'}.000Z`,
          dealtype: isNew ? 'newbusiness' : 'existingbusiness',
          hubspot_owner_id: owners[at.company.owner],
          hs_next_step: dirty(0.6) ? null : 'Send proposal',
          ...(clean && { description: `About ${product.name} for ${at.company.name}.` }),
          concordat_source: partner ? 'partner_sourced' : 'direct',
        },
        PERSON_SOURCE,
      ).id
      portal.associate('deals', row.hubspot, 'companies', at.hubspot, 'HUBSPOT_DEFINED', 5, PERSON_SOURCE)
      const label = portal.associationTypes('deals', 'companies').find((t) => t.label === 'Partner')
      if (partner?.hubspot && label)
        portal.associate('deals', row.hubspot, 'companies', partner.hubspot, label.category, label.typeId, PERSON_SOURCE)
      const primary = portal.associationTypes('deals', 'contacts').find((t) => t.label === 'Primary contact')
      if (contact?.hubspot && primary)
        portal.associate('deals', row.hubspot, 'contacts', contact.hubspot, primary.category, primary.typeId, PERSON_SOURCE)
      const item = portal.create(
        'line_items',
        { name: product.name, quantity: String(quantity), price: String(product.price) },
        PERSON_SOURCE,
      )
      portal.associate('deals', row.hubspot, 'line_items', item.id, 'HUBSPOT_DEFINED', 19, PERSON_SOURCE)
    }
    if (row.salesforce || row.hubspot) truth.deal!.push(row)
  }
  return truth
}
