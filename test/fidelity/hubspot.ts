import { z } from 'zod'
import { signatures } from '../../sandbox/hubspot/signature.ts'
import type { Entry } from './entry.ts'
import { bare, present } from './recordings.ts'
import type { Stage } from './stage.ts'

/** Which request replays which HubSpot recording. Recorded requests are sent as they are; see README of crm-truth. */

const _COMPANIES = '/crm/v3/objects/companies'
const CONTACTS = '/crm/v3/objects/contacts'

/** The API of February 2022, before `url`, `hs_object_source` and others came. */
const in2022 = (stage: Stage) => stage.control('/settings', { hubspotYear: 2022 })

/** A portal whose search limit is used up: one search a second, and one was just made. */
async function searchedOut(stage: Stage): Promise<void> {
  await in2022(stage)
  await stage.control('/settings', { hubspotSearchPerSecond: 1 })
  await stage.must('POST', `${CONTACTS}/search`, {})
}

/** A contact and a company under the ids that the first API of associations was recorded with. */
const pair = (contact: string, company: string, linked: boolean) => async (stage: Stage) => {
  await in2022(stage)
  await stage.control('/hubspot/records', { type: 'contacts', id: contact, properties: {} })
  await stage.control('/hubspot/records', { type: 'companies', id: company, properties: {} })
  if (linked)
    await stage.must('PUT', `/crm/v4/objects/contacts/${contact}/associations/companies/${company}`, [
      { associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 1 },
    ])
}

/** Takes Concordat's own properties out of a type. */
const withoutOurProperties = (type: string) => async (stage: Stage) => {
  for (const name of ['concordat_id', 'concordat_partner_id']) await stage.must('DELETE', `/crm/v3/properties/${type}/${name}`)
}

/** The person whom `delete-user` was recorded with. */
async function anOwner({ sandbox }: Stage): Promise<void> {
  const owner = { id: '1', email: 'user@example.com', firstName: 'U', lastName: 'Ser', userId: 32_900_489, active: true }
  sandbox.world.portal.owners.set(owner.id, owner)
}

const nock = (name: string, more: Partial<Entry> = {}): Entry => ({ file: `grouparoo-nock/${name}.json`, given: in2022, ...more })
const limited = (name: string) => nock(name, { given: searchedOut })
const nango = (name: string, more: Partial<Entry> = {}): Entry => ({ file: `nango-templates/${name}.json`, ...more })
const amp = (name: string, more: Partial<Entry>): Entry => ({ file: `amp-labs-connectors/${name}`, ...more })

const RECORDED_2022: Entry[] = [
  nock('post-crm-v3-objects-2-3604285-batch-archive-204-0'),
  nock('post-crm-v3-objects-2-3604285-batch-archive-204-1'),
  nock('post-crm-v3-objects-2-3604285-batch-archive-204-2'),
  nock('post-crm-v3-objects-2-3604285-batch-archive-204-4'),
  nock('post-crm-v3-objects-2-3604285-batch-archive-204-5'),
  nock('post-crm-v3-objects-2-3604285-batch-create-201-0'),
  nock('post-crm-v3-objects-2-3604285-batch-create-201-1'),
  nock('post-crm-v3-objects-2-3604285-batch-create-201-2'),
  nock('post-crm-v3-objects-2-3604285-batch-create-201-3'),
  nock('post-crm-v3-objects-2-3604285-batch-create-201-4'),
  nock('post-crm-v3-objects-2-3604285-batch-update-200-2'),
  nock('post-crm-v3-objects-2-3604285-batch-update-200-3'),
  nock('post-crm-v3-objects-2-3604285-search-200-0'),
  nock('post-crm-v3-objects-2-3604285-search-200-4'),
  nock('post-crm-v3-objects-2-3604285-search-200-5'),
  nock('post-crm-v3-objects-company-batch-archive-204-1'),
  nock('post-crm-v3-objects-company-batch-archive-204-4'),
  nock('post-crm-v3-objects-company-batch-create-201-0'),
  nock('post-crm-v3-objects-company-batch-create-201-1'),
  nock('post-crm-v3-objects-company-batch-create-201-2'),
  nock('post-crm-v3-objects-company-batch-create-201-3'),
  nock('post-crm-v3-objects-company-batch-create-201-4'),
  nock('post-crm-v3-objects-company-batch-create-201-5'),
  nock('post-crm-v3-objects-company-batch-update-200-0'),
  nock('post-crm-v3-objects-company-batch-update-200-2'),
  nock('post-crm-v3-objects-company-batch-update-200-3'),
  nock('post-crm-v3-objects-company-batch-update-200-4'),
  nock('post-crm-v3-objects-company-batch-update-200-5'),
  nock('post-crm-v3-objects-company-search-200-0'),
  nock('post-crm-v3-objects-company-search-200-1'),
  nock('post-crm-v3-objects-company-search-200-2'),
  nock('post-crm-v3-objects-company-search-200-4'),
  nock('post-crm-v3-objects-company-search-200-5'),
  nock('post-crm-v3-objects-contact-batch-archive-204-0'),
  nock('post-crm-v3-objects-contact-batch-archive-204-1'),
  nock('post-crm-v3-objects-contact-batch-archive-204-2'),
  nock('post-crm-v3-objects-contact-batch-archive-204-3'),
  nock('post-crm-v3-objects-contact-batch-archive-204-5'),
  nock('post-crm-v3-objects-contact-batch-create-201-0'),
  nock('post-crm-v3-objects-contact-batch-create-201-3'),
  nock('post-crm-v3-objects-contact-batch-update-200-0'),
  nock('post-crm-v3-objects-contact-batch-update-200-1'),
  nock('post-crm-v3-objects-contact-batch-update-200-3'),
  nock('post-crm-v3-objects-contact-batch-update-200-5'),
  nock('post-crm-v3-objects-contact-search-200-1'),
  nock('post-crm-v3-objects-contact-search-200-2'),
  nock('post-crm-v3-objects-contact-search-200-3'),
  nock('post-crm-v3-objects-contact-search-200-4'),
  limited('post-crm-v3-objects-2-3604285-search-429-0'),
  limited('post-crm-v3-objects-2-3604285-search-429-1'),
  limited('post-crm-v3-objects-2-3604285-search-429-3'),
  limited('post-crm-v3-objects-2-3604285-search-429-4'),
  limited('post-crm-v3-objects-2-3604285-search-429-5'),
  limited('post-crm-v3-objects-company-search-429-1'),
  limited('post-crm-v3-objects-company-search-429-2'),
  limited('post-crm-v3-objects-company-search-429-3'),
  limited('post-crm-v3-objects-company-search-429-5'),
  limited('post-crm-v3-objects-contact-search-429-1'),
  limited('post-crm-v3-objects-contact-search-429-4'),
  nock('get-crm-associations-v1-associations-id-hubspot-defined-1-200-0', { given: pair('289651', '7945038518', false) }),
  nock('get-crm-associations-v1-associations-id-hubspot-defined-1-200-1', { given: pair('289651', '7945038518', true) }),
  nock('put-crm-associations-v1-associations-204-1', { given: pair('289651', '7945038519', false) }),
  nock('put-crm-associations-v1-associations-204-3', { given: pair('289951', '7945061897', false), oauth: true }),
  nock('put-crm-associations-v1-associations-delete-204-0', { given: pair('289651', '7945038519', true) }),
  nock('put-crm-associations-v1-associations-delete-204-1', { given: pair('289951', '7945061896', true), oauth: true }),
]

const RECORDED_2026: Entry[] = [
  nango('companies', { oauth: true }),
  nango('contacts', { oauth: true }),
  nango('deals', { oauth: true }),
  nango('delete-deal'),
  nango('delete-task'),
  nango('delete-ticket'),
  nango('delete-user', { given: anOwner }),
  nango('fetch-account-information', { oauth: true, given: (s) => s.control('/settings', { hubspotCurrencies: ['USD'] }) }),
  nango('fetch-custom-objects', {
    given: async (s) => void (await s.must('DELETE', '/crm-object-schemas/v3/schemas/concordat_registration')),
  }),
  nango('fetch-properties', { oauth: true, given: withoutOurProperties('companies') }),
  nango('get-company'),
  nango('get-contact'),
  nango('get-deal'),
  nango('get-ticket'),
  nango('list-companies', { oauth: true }),
  nango('list-tickets', { oauth: true }),
  nango('owners'),
  nango('products'),
  nango('search-companies', { oauth: true }),
  nango('search-tickets', {
    given: async (s) => {
      for (const id of ['1', '2', '3']) await s.control('/hubspot/records', { type: 'tickets', id, properties: { subject: id } })
    },
  }),
  nango('service-tickets', { oauth: true }),
  nango('tasks', { oauth: true }),
  nango('update-company'),
  nango('users', { oauth: true }),
  nango('whoami', { request: (s) => ({ method: 'GET', path: `/oauth/v1/access-tokens/${s.token}` }) }),
]

/** Properties that answer with one of each kind that the recording samples. */
const only =
  (...names: string[]) =>
  (body: unknown) => ({
    results: (body as { results: { name: string }[] }).results.filter((p) => names.includes(p.name)),
  })
const post = (path: string, body: unknown) => ({ request: { method: 'POST', path, body } })
const get = (path: string) => ({ request: { method: 'GET', path } })
const payload = (name: string) => ({ method: 'POST', body: present ? bare('hubspot', `amp-labs-connectors/${name}`) : undefined })
const GROUP = 'test/custom/create/1-payload-create-property-group.json'
const BATCH = 'test/custom/create/3-payload-batch-create-properties.json'

/** Two contacts, of which the first belongs to a primary company. */
async function contactWithCompany(stage: Stage): Promise<void> {
  await pair('501', '29022297485', true)(stage)
  await stage.control('/settings', { hubspotYear: 2026 })
  await stage.control('/hubspot/records', { type: 'contacts', id: '103107104018', properties: {} })
}

/** The property group and the two properties whose change was recorded. */
async function customProperties(stage: Stage): Promise<void> {
  await stage.must('POST', '/crm/v3/properties/contacts/groups', payload(GROUP).body)
  await stage.must('POST', '/crm/v3/properties/contacts/batch/create', payload(BATCH).body)
}

const contacts = async (stage: Stage) => {
  for (let i = 1; i <= 5; i++) await stage.must('POST', CONTACTS, { properties: { email: `someone${i}@example.com` } })
}
const badProperties = { first000name: 'a', last000name: 'b' }

const ANSWERS: Entry[] = [
  amp('associations/test/contact-to-company-resp.json', {
    given: async (s) => {
      for (const [contact, company] of [
        ['1', '11'],
        ['2', '12'],
      ] as const)
        await pair(contact, company, false)(s)
      await s.control('/settings', { hubspotYear: 2026 })
    },
    ...post('/crm/v4/associations/contacts/companies/batch/create', {
      inputs: [
        ['1', '11'],
        ['2', '12'],
      ].map(([from, to]) => ({
        from: { id: from },
        to: { id: to },
        types: [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 279 }],
      })),
    }),
    status: 201,
  }),
  amp('associations/test/contacts-schema-resp.json', {
    ...get('/crm-object-schemas/v3/schemas/contacts'),
    lenience: { emptied: ['properties', 'searchableProperties', 'secondaryDisplayProperties'] },
  }),
  amp('test/batch/create/contacts/err-many-invalid-properties.json', {
    ...post(`${CONTACTS}/batch/create`, { inputs: [{ properties: badProperties }, { properties: badProperties }] }),
    status: 400,
  }),
  amp('test/batch/update/contacts/err-many-invalid-properties.json', {
    given: async (s) => {
      for (const id of ['1', '2']) await s.control('/hubspot/records', { type: 'contacts', id, properties: {} })
    },
    ...post(`${CONTACTS}/batch/update`, { inputs: ['1', '2'].map((id) => ({ id, properties: badProperties })) }),
    status: 400,
  }),
  amp(GROUP, { accepted: { path: '/crm/v3/properties/contacts/groups', ...payload(GROUP) } }),
  amp('test/custom/create/2-response-create-property-group.json', {
    request: { path: '/crm/v3/properties/contacts/groups', ...payload(GROUP) },
    status: 201,
  }),
  amp(BATCH, { accepted: { path: '/crm/v3/properties/contacts/batch/create', ...payload(BATCH) } }),
  amp('test/custom/create/4-response-batch-create-properties.json', {
    request: { path: '/crm/v3/properties/contacts/batch/create', ...payload(BATCH) },
    status: 201,
  }),
  amp('test/custom/update/4-payload-update-property-age.json', {
    given: customProperties,
    accepted: {
      path: '/crm/v3/properties/contacts/age__c',
      ...payload('test/custom/update/4-payload-update-property-age.json'),
      method: 'PATCH',
    },
  }),
  amp('test/custom/update/6-payload-update-property-interests.json', {
    given: customProperties,
    accepted: {
      path: '/crm/v3/properties/contacts/interests__c',
      ...payload('test/custom/update/6-payload-update-property-interests.json'),
      method: 'PATCH',
    },
  }),
  amp('test/custom/update/7-response-update-property-interests.json', {
    given: customProperties,
    request: {
      path: '/crm/v3/properties/contacts/interests__c',
      ...payload('test/custom/update/6-payload-update-property-interests.json'),
      method: 'PATCH',
    },
  }),
  amp('test/metadata-contacts-external-pipelines.json', get('/crm/v3/pipelines/contacts')),
  amp('test/metadata-deals-external-pipelines.json', get('/crm/v3/pipelines/deals')),
  amp('test/metadata-contacts-properties-sampled.json', {
    given: customProperties,
    ...get('/crm/v3/properties/contacts'),
    part: only('address', 'mobilephone', 'associatedcompanyid', 'lifecyclestage', 'hs_lead_status', 'createdate', 'interests__c'),
  }),
  amp('test/metadata-deals-properties-sampled.json', { ...get('/crm/v3/properties/deals'), part: only('pipeline', 'dealstage') }),
  amp('test/metadata-err-schemas-scope.json', {
    given: (s) => s.control('/settings', { hubspotWithheldScopes: ['custom-object-read'] }),
    ...get('/crm/v3/schemas'),
    status: 403,
  }),
  amp('test/read-via-search/contacts-payload.json', {
    accepted: { path: `${CONTACTS}/search`, ...payload('test/read-via-search/contacts-payload.json') },
  }),
  amp('test/read-via-search/contacts-response.json', {
    given: contacts,
    ...post(`${CONTACTS}/search`, { properties: ['company', 'email', 'firstname', 'lastname', 'phone', 'website'] }),
  }),
  ...['since', 'until', 'since-until'].map((span) =>
    amp(`test/read/objects-api/contacts-req-payload-${span}.json`, {
      accepted: { path: `${CONTACTS}/search`, ...payload(`test/read/objects-api/contacts-req-payload-${span}.json`) },
    }),
  ),
  amp('test/search/contacts/contacts-to-companies.json', {
    given: contactWithCompany,
    ...post('/crm/v4/associations/contacts/companies/batch/read', { inputs: [{ id: '501' }, { id: '103107104018' }] }),
    status: 207,
  }),
  amp('test/search/error-invalid-object.json', { ...post('/crm/v3/objects/butterflies/search', {}), status: 400 }),
]

const vectors = z.object({
  vectors: z.array(
    z.object({
      name: z.string(),
      version: z.enum(['v1', 'v2', 'v3']),
      clientSecret: z.string(),
      method: z.string().default(''),
      url: z.string().default(''),
      body: z.string().default(''),
      timestamp: z.string().default(''),
      signature: z.string(),
    }),
  ),
})

/** The sandbox signs its webhooks as HubSpot's published vectors say. */
const SIGNATURES: Entry = {
  file: 'signature-vectors.json',
  check: () =>
    vectors
      .parse(bare('hubspot', 'signature-vectors.json'))
      .vectors.filter((v) => signatures[v.version]({ secret: v.clientSecret, uri: v.url, ...v }) !== v.signature)
      .map((v) => `${v.name}: signed otherwise`),
}

export const hubspot: Entry[] = [...RECORDED_2022, ...RECORDED_2026, ...ANSWERS, SIGNATURES]
