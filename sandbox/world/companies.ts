import { PERSON } from '../salesforce/model.ts'
import { type Known, type Making, PERSON_SOURCE } from './making.ts'
import { INDUSTRY_OF, NAME_HEADS, NAME_KINDS, NAME_TAILS, PLACES, type Place, STREETS } from './words.ts'

/** Companies: partners and accounts, and which of them belong to another. */

export interface Company {
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

/** Makes partners and accounts in both CRMs. */
export function makeCompanies(making: Making): { partners: Known[]; accounts: Known[] } {
  const { options } = making
  const names = new Set<string>()
  const partners = place(
    making,
    names,
    'partner',
    options.partners,
    (i) => ({ Type: i % 3 === 2 ? 'Technology Partner' : 'Channel Partner / Reseller' }),
    (i) => ({ type: i % 3 === 2 ? 'PARTNER' : 'RESELLER' }),
  )
  const accounts = place(
    making,
    names,
    'account',
    options.accounts,
    () => ({}),
    () => ({ type: 'PROSPECT' }),
  )
  makeFamilies(making, accounts)
  return { partners, accounts }
}

function place(
  making: Making,
  names: Set<string>,
  entity: 'partner' | 'account',
  count: number,
  sf: (i: number) => Record<string, unknown>,
  hs: (i: number) => Record<string, unknown>,
): Known[] {
  const { org, random, dirty, shared, extra, truth } = making
  const known: Known[] = []
  const all = count + Math.round(count * extra)
  for (let i = 0; i < all; i++) {
    const c = company(making, names)
    const both = i < count && random.chance(shared)
    const row: Known = { company: c }
    // A subsidiary shares the domain of the company before it.
    if (entity === 'account' && i > 0 && dirty(0.02)) c.domain = known[i - 1]!.company.domain
    if (i < count) row.salesforce = inSalesforce(making, c, sf(i))
    const sfRow = row.salesforce ? org.row('Account', row.salesforce) : undefined
    const hasDomainInSalesforce = sfRow ? sfRow.values.Website !== null : true
    if (both || i >= count) row.hubspot = inHubspot(making, c, hs(i), hasDomainInSalesforce ? dirty(0.03) : true)
    known.push(row)
    const twin = both && dirty(0.006) ? [inHubspot(making, c, hs(i), false)] : undefined
    truth[entity]!.push({
      ...(row.salesforce && { salesforce: row.salesforce }),
      ...(row.hubspot && { hubspot: row.hubspot }),
      ...(twin && { hubspotTwins: twin }),
    })
  }
  return known
}

function company({ random, active }: Making, names: Set<string>): Company {
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

const hasState = ({ place }: Company) => place.code === 'US' || place.code === 'CA'

function inSalesforce({ org, users, dirty }: Making, c: Company, more: Record<string, unknown>): string {
  return org.create(
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
      BillingState: hasState(c) ? c.city.stateCode : null,
      BillingPostalCode: `${c.city.postal}01`,
      BillingCountry: c.place.country,
      OwnerId: users[c.owner],
      Type: 'Customer - Direct',
      ...more,
    },
    PERSON,
  )
}

function inHubspot(making: Making, c: Company, more: Record<string, unknown>, noDomain: boolean): string {
  const { portal, owners, random, dirty } = making
  return portal.create(
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
      state: hasState(c) ? (dirty(0.5) ? c.city.state : c.city.stateCode) : null,
      zip: `${c.city.postal}01`,
      country: dirty(0.2) ? c.place.code : c.place.country,
      hubspot_owner_id: owners[c.owner],
      ...more,
    },
    PERSON_SOURCE,
  ).id
}

/** Some accounts belong to another one. */
function makeFamilies({ org, portal }: Making, accounts: Known[]): void {
  for (let i = 10; i < accounts.length; i += 25) {
    const [child, parent] = [accounts[i]!, accounts[i - 7]!]
    if (child.salesforce && parent.salesforce) org.update('Account', child.salesforce, { ParentId: parent.salesforce }, PERSON)
    if (child.hubspot && parent.hubspot)
      portal.associate('companies', child.hubspot, 'companies', parent.hubspot, 'HUBSPOT_DEFINED', 14, PERSON_SOURCE)
  }
}
