import { z } from 'zod'
import { signatures } from '../../sandbox/hubspot/signature.ts'
import type { Entry } from './entry.ts'
import { ANSWERS, in2022, pair } from './hubspot-answers.ts'
import { bare } from './recordings.ts'
import type { Stage } from './stage.ts'

/** Which request replays which HubSpot recording. Recorded requests are sent as they are; see README of crm-truth. */

/** A portal whose search limit is used up: less than one search a second is left. */
async function searchedOut(stage: Stage): Promise<void> {
  await in2022(stage)
  await stage.control('/settings', { hubspotSearchPerSecond: 0.5 })
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
