import { z } from 'zod'
import { type FieldType, type PARTNER_ROLES, valueSchemas } from './types.ts'
import type { Value } from './value.ts'

/**
 * The canonical partner model, as data. This one definition gives the zod schemas, the TypeScript types,
 * the API's projection and the generated documentation.
 */
export interface FieldDef {
  readonly type: FieldType
  readonly values?: readonly string[]
  /** Entities a reference may point to. */
  readonly to?: readonly string[]
  /** Read from a CRM, never written by a person or to a CRM. */
  readonly readOnly?: boolean
}

const of = <const T extends FieldType>(type: T) => ({ type })
const oneOf = <const V extends readonly string[]>(...values: V) => ({ type: 'enum' as const, values })
const ref = <const E extends readonly string[]>(...to: E) => ({ type: 'reference' as const, to })

const STAGES = ['prospecting', 'qualification', 'proposal', 'negotiation', 'won', 'lost'] as const

export const MODEL = {
  partner: {
    name: of('text'),
    domain: of('domain'),
    type: oneOf('reseller', 'referral', 'technology', 'service', 'distributor', 'influence'),
    tier: of('text'),
    status: oneOf('prospect', 'onboarding', 'active', 'suspended', 'offboarded'),
    region: of('text'),
    country: of('country'),
    phone: of('phone'),
    manager: of('user'),
    joinedOn: of('date'),
  },
  account: {
    name: of('text'),
    domain: of('domain'),
    phone: of('phone'),
    industry: of('enum'),
    employees: of('integer'),
    annualRevenue: of('money'),
    'address.street': of('longtext'),
    'address.city': of('text'),
    'address.state': of('state'),
    'address.postalCode': of('text'),
    'address.country': of('country'),
    owner: of('user'),
    parent: ref('account', 'partner'),
    partnerOfRecord: ref('partner'),
  },
  contact: {
    firstName: of('text'),
    lastName: of('text'),
    email: of('email'),
    phone: of('phone'),
    mobile: of('phone'),
    jobTitle: of('text'),
    account: ref('account', 'partner'),
    partner: ref('partner'),
  },
  deal: {
    name: of('text'),
    account: ref('account', 'partner'),
    partners: of('partners'),
    partner: ref('partner'),
    amount: of('money'),
    pipeline: of('text'),
    stage: oneOf(...STAGES),
    closeDate: of('date'),
    openedOn: of('date'),
    createdAt: { type: 'datetime', readOnly: true },
    probability: { type: 'percent', readOnly: true },
    type: oneOf('new_business', 'existing_business'),
    source: oneOf('direct', 'partner_sourced', 'partner_influenced'),
    product: { type: 'set', readOnly: true },
    nextStep: of('text'),
    description: of('longtext'),
    lostReason: of('text'),
    owner: of('user'),
    primaryContact: ref('contact'),
  },
  registration: {
    partner: ref('partner'),
    submittedBy: of('text'),
    accountName: of('text'),
    accountDomain: of('domain'),
    country: of('country'),
    contactName: of('text'),
    contactEmail: of('email'),
    contactPhone: of('phone'),
    dealName: of('text'),
    product: of('text'),
    amount: of('money'),
    expectedCloseDate: of('date'),
    status: oneOf('submitted', 'under_review', 'approved', 'rejected', 'expired', 'withdrawn'),
    submittedAt: of('datetime'),
    decidedAt: of('datetime'),
    protectedUntil: of('date'),
    reason: of('longtext'),
    deal: ref('deal'),
  },
  lead: {
    company: of('text'),
    domain: of('domain'),
    contactName: of('text'),
    email: of('email'),
    phone: of('phone'),
    status: of('text'),
    source: of('text'),
    partner: ref('partner'),
    owner: of('user'),
    convertedAccount: ref('account', 'partner'),
    convertedContact: ref('contact'),
    convertedDeal: ref('deal'),
  },
} as const satisfies Record<string, Record<string, FieldDef>>

export type Entity = keyof typeof MODEL
/** Parents before children: the order in which objects are pulled and pushed. */
export const ENTITIES = ['partner', 'account', 'contact', 'deal', 'registration', 'lead'] as const satisfies Entity[]
export const entitySchema = z.enum(ENTITIES)

type ValueOf<D> = D extends { values: readonly (infer V)[] }
  ? V
  : D extends { type: 'integer' }
    ? number
    : D extends { type: 'boolean' }
      ? boolean
      : D extends { type: 'money' }
        ? { amount: string; currency: string }
        : D extends { type: 'set' }
          ? string[]
          : D extends { type: 'partners' }
            ? { partner: string; role: (typeof PARTNER_ROLES)[number]; primary: boolean }[]
            : string
/** The TypeScript type of an entity's canonical fields; every field may be blank. */
export type Canonical<E extends Entity> = {
  -readonly [F in keyof (typeof MODEL)[E]]: ValueOf<(typeof MODEL)[E][F]> | null
}

/** The definition of a canonical field, or undefined when the model has none (a mapping's custom field). */
export const fieldDef = (entity: Entity, field: string): FieldDef | undefined =>
  (MODEL[entity] as Record<string, FieldDef>)[field]

/** The zod schema of one field's value: the type's schema, narrowed to the enum's values, or null. */
export function fieldSchema(def: FieldDef): z.ZodType<Value> {
  const schema = def.values ? z.enum(def.values as [string, ...string[]]) : valueSchemas[def.type]
  return schema.nullable() as z.ZodType<Value>
}
