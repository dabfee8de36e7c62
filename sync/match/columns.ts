import { ROLES, type Role } from './subject.ts'

/** What people call their columns. Compared without case, spaces and underlines. */
const NAMES: Record<Role, string> = {
  name: 'name company companyname account accountname organisation organization title legalname businessname dealname',
  given: 'firstname givenname given forename',
  surname: 'lastname surname familyname family',
  fullname: 'fullname person personname',
  email: 'email emailaddress mail contactemail',
  website: 'website web url domain homepage companydomainname',
  phone: 'phone phonenumber telephone tel mobile',
  street: 'street address addr streetaddress addressline1 address1 billingstreet',
  number: 'streetnumber housenumber number',
  district: 'address2 addressline2 district',
  city: 'city town locality suburb billingcity',
  region: 'region state province county billingstate',
  postcode: 'zip zipcode postcode postalcode billingpostalcode',
  country: 'country iso3 iso2 countrycode billingcountry',
  born: 'dob dateofbirth birthdate born birthday',
  identifier: 'taxid vat vatid duns lei registrationnumber',
  people: 'authors people persons creators',
  year: 'year',
  category: 'venue category kind',
  price: 'price',
  product: 'product products productname',
  amount: 'amount value dealamount',
  currency: 'currency currencyisocode',
  opened: 'opened openedon createdate created closedate date',
  contact: 'contact contactname',
}

const plain = (text: string): string => text.toLowerCase().replace(/[^a-z0-9]/g, '')
const roleOf = new Map<string, Role>(ROLES.flatMap((role) => NAMES[role].split(' ').map((name): [string, Role] => [name, role])))

export class UnknownColumn extends Error {
  override name = 'UnknownColumn'
}

/**
 * Which column is what: as the heading says, unless told otherwise.
 *
 * @param given `column=role` pairs; `column=` leaves a column out.
 * @throws UnknownColumn for a column that is not there or a role that is none.
 */
export function mapColumns(header: readonly string[], given: ReadonlyMap<string, string> = new Map()): Map<string, Role> {
  for (const [column, role] of given) {
    if (!header.includes(column))
      throw new UnknownColumn(`there is no column ${JSON.stringify(column)}; the file has ${header.join(', ')}`)
    if (role !== '' && !(ROLES as readonly string[]).includes(role))
      throw new UnknownColumn(`${JSON.stringify(role)} is nothing a column can be; choose one of ${ROLES.join(', ')}`)
  }
  const taken = new Set([...given.values()])
  const out = new Map<string, Role>()
  for (const column of header) {
    const said = given.get(column)
    const role = said === undefined ? roleOf.get(plain(column)) : (said as Role)
    if (!role || (said === undefined && taken.has(role))) continue
    out.set(column, role)
    taken.add(role)
  }
  return out
}

/** What kind of thing a file with these columns lists. */
export function kindOf(roles: ReadonlySet<Role>): 'company' | 'person' | 'deal' | 'generic' {
  if (roles.has('product') && (roles.has('amount') || roles.has('opened'))) return 'deal'
  if (roles.has('given') || roles.has('surname') || roles.has('fullname')) return 'person'
  if (roles.has('people') || roles.has('year') || (roles.has('price') && !roles.has('street'))) return 'generic'
  return 'company'
}
