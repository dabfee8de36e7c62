import type { Entity } from '../../mappings/model/model.ts'
import type { Value } from '../../mappings/model/value.ts'
import { blockingKeys } from './keys.ts'
import type { Kind } from './score.ts'
import { parseSubject, type Raw, type Role, type Subject } from './subject.ts'

/** What a canonical record is to the match engine: which of its fields say what, and what it is compared with. */

/** Records of one sort are looked for under the same keys: an account, a lead and a registration all name a company. */
type Sort = 'company' | 'partner' | 'person'

interface Reading {
  sort: Sort
  kind: Kind
  roles: Partial<Record<Role, readonly string[]>>
}

const ACCOUNT: Reading = {
  sort: 'company',
  kind: 'company',
  roles: {
    name: ['name'],
    website: ['domain'],
    phone: ['phone'],
    street: ['address.street'],
    city: ['address.city'],
    region: ['address.state'],
    postcode: ['address.postalCode'],
    country: ['address.country'],
  },
}

/** Of each role the first field that holds something counts. */
const READINGS: Partial<Record<Entity, Reading>> = {
  account: ACCOUNT,
  partner: {
    sort: 'partner',
    kind: 'company',
    roles: { name: ['name'], website: ['domain'], phone: ['phone'], country: ['country'] },
  },
  lead: {
    sort: 'company',
    kind: 'company',
    roles: { name: ['company'], website: ['domain'], phone: ['phone'], email: ['email'] },
  },
  registration: {
    sort: 'company',
    kind: 'company',
    roles: {
      name: ['accountName'],
      website: ['accountDomain'],
      phone: ['contactPhone'],
      email: ['contactEmail'],
      country: ['country'],
    },
  },
  contact: {
    sort: 'person',
    kind: 'person',
    roles: { given: ['firstName'], surname: ['lastName'], email: ['email'], phone: ['phone', 'mobile'] },
  },
}

/** What records of the entity are compared with; undefined where they are not matched. */
export const sortOf = (entity: Entity): Sort | undefined => READINGS[entity]?.sort

export const kindOfEntity = (entity: Entity): Kind => READINGS[entity]?.kind ?? 'generic'

export type CanonicalValues = Readonly<Record<string, { v: Value }>>

/** @returns undefined where records of that entity are not matched, or this one says nothing. */
export function subjectOf(entity: Entity, id: string, fields: CanonicalValues): Subject | undefined {
  const reading = READINGS[entity]
  if (!reading) return undefined
  const raw: Raw = {}
  for (const [role, names] of Object.entries(reading.roles) as [Role, readonly string[]][]) {
    const found = names.map((n) => fields[n]?.v).find((v) => typeof v === 'string' && v !== '')
    if (typeof found === 'string') raw[role] = found
  }
  return Object.keys(raw).length === 0 ? undefined : parseSubject(id, entity, raw)
}

/** Keys under which a record is looked for among those of its sort. */
export const keysOfSubject = (entity: Entity, subject: Subject): string[] => {
  const { sort } = READINGS[entity]!
  return blockingKeys(subject).map((k) => `${sort} ${k}`)
}

/** The key under which the deals and contacts of an account are found. */
export const keyOfChildren = (recordId: string): string => `of ${recordId}`
