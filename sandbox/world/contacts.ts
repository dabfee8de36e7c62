import { PERSON } from '../salesforce/model.ts'
import { type Known, type Making, PERSON_SOURCE, type Rows } from './making.ts'
import { FIRST_NAMES, JOB_TITLES, LAST_NAMES } from './words.ts'

/** Makes the people of the accounts in both CRMs. @returns the contacts of each account. */
export function makeContacts(making: Making, accounts: Known[]): Map<Known, Rows[]> {
  const { org, portal, random, options, shared, extra, clean, dirty, users, owners, truth } = making
  const emails = new Set<string>()
  const contactsOf = new Map<Known, Rows[]>()
  const inHubspot = accounts.filter((a) => a.hubspot)
  const total = options.contacts + Math.round(options.contacts * extra)
  for (let i = 0; i < total; i++) {
    const own = i >= options.contacts
    const at = own ? inHubspot.at(-1 - (i % Math.max(1, Math.round(options.accounts * extra))))! : accounts[i % options.accounts]!
    const [first, last] = [random.pick(FIRST_NAMES), random.pick(LAST_NAMES)]
    let email = `${first}.${last}@${at.company.domain}`.toLowerCase()
    for (let n = 2; emails.has(email); n++) email = `${first}.${last}${n}@${at.company.domain}`.toLowerCase()
    emails.add(email)
    const [mobile, title] = [
      `${at.company.place.dial}${at.company.place.dial === '+1' ? '617' : '151'}${random.int(2_000_000, 9_999_999)}`,
      random.pick(JOB_TITLES),
    ]
    const row: Rows = {}
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
  return contactsOf
}
