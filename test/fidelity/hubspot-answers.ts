import type { Entry } from './entry.ts'
import { bare, present } from './recordings.ts'
import type { Stage } from './stage.ts'

/** Requests for HubSpot recordings that hold only an answer, or only a request. */

const CONTACTS = '/crm/v3/objects/contacts'
const amp = (name: string, more: Partial<Entry>): Entry => ({ file: `amp-labs-connectors/${name}`, ...more })

/** The API of February 2022, before `url`, `hs_object_source` and others came. */
export const in2022 = (stage: Stage) => stage.control('/settings', { hubspotYear: 2022 })

/** A contact and a company under the ids that the first API of associations was recorded with. */
export const pair = (contact: string, company: string, linked: boolean) => async (stage: Stage) => {
  await in2022(stage)
  await stage.control('/hubspot/records', { type: 'contacts', id: contact, properties: {} })
  await stage.control('/hubspot/records', { type: 'companies', id: company, properties: {} })
  if (linked)
    await stage.must('PUT', `/crm/v4/objects/contacts/${contact}/associations/companies/${company}`, [
      { associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 1 },
    ])
}

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

export const ANSWERS: Entry[] = [
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
