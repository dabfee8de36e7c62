import type { Entry } from './entry.ts'
import { exchanges } from './recordings.ts'
import { AMP, RESTFORCE } from './salesforce-answers.ts'
import type { Stage } from './stage.ts'
import { all, DATA, fields, hide, row } from './steps.ts'

/** Which request replays which Salesforce recording. Recorded requests are sent as they are; see README of crm-truth. */

const nock = (name: string, more: Partial<Entry> = {}): Entry => ({ file: `grouparoo-nock/${name}.json`, ...more })
const nango = (name: string, more: Partial<Entry> = {}): Entry => ({ file: `nango-templates/${name}.json`, ...more })
const cassette = (name: string, more: Partial<Entry> = {}): Entry => ({ file: `cumulusci-vcr/${name}.yaml`, ...more })

/** Orgs of the recorders: without Concordat's package, and without the fields that only some editions have. */
const ACCOUNTS = hide('Account', 'Concordat_Id__c', 'Concordat_Partner__c')
const CONTACTS_OF_OLD = hide('Contact', 'Concordat_Id__c', 'HasOptedOutOfEmail')
const STATE_CODES = fields(
  'Account',
  ...['Billing', 'Shipping'].flatMap((k) => [`${k}StateCode picklist(10)`, `${k}CountryCode picklist(10)`]),
)

/** More accounts than a page of a query holds. */
async function manyAccounts(stage: Stage): Promise<void> {
  for (let from = 0; from < 2200; from += 200)
    await stage.must('POST', `${DATA}/composite/sobjects`, {
      records: Array.from({ length: 200 }, (_, i) => ({ attributes: { type: 'Account' }, Name: `Account ${from + i}` })),
    })
}

/** The user whom the SOAP login was recorded with. */
async function loginUser(stage: Stage): Promise<void> {
  const sent = String(exchanges('salesforce', 'grouparoo-nock/post-services-soap-u-42-0-200-0.json')[0]?.request.body)
  const Username = /<username>([^<]+)</.exec(sent)?.[1]
  await stage.control('/salesforce/rows', {
    object: 'User',
    id: '0054S000000JQeqQAG',
    values: { Username, LastName: 'Engineer', Email: Username },
  })
}

const NOCK: Entry[] = [
  nock('delete-services-data-v42-0-composite-sobjects-200-1'),
  nock('delete-services-data-v42-0-composite-sobjects-200-2'),
  nock('get-services-data-v42-0-query-200-3'),
  nock('get-services-data-v42-0-sobjects-account-id-200-0', { given: ACCOUNTS }),
  nock('get-services-data-v42-0-sobjects-account-id-200-1', { given: ACCOUNTS }),
  nock('get-services-data-v42-0-sobjects-account-id-200-2', { given: ACCOUNTS }),
  nock('get-services-data-v42-0-sobjects-account-id-200-3', { given: ACCOUNTS }),
  nock('get-services-data-v42-0-sobjects-account-id-200-4', { given: ACCOUNTS }),
  nock('get-services-data-v42-0-sobjects-account-id-200-5', { given: ACCOUNTS }),
  nock('get-services-data-v42-0-sobjects-contact-id-200-1', { given: CONTACTS_OF_OLD }),
  nock('get-services-data-v42-0-sobjects-contact-id-200-2', { given: CONTACTS_OF_OLD }),
  nock('get-services-data-v42-0-sobjects-contact-id-200-3', { given: CONTACTS_OF_OLD }),
  nock('get-services-data-v42-0-sobjects-contact-id-200-4', { given: CONTACTS_OF_OLD }),
  nock('get-services-data-v42-0-sobjects-contact-id-200-5', { given: CONTACTS_OF_OLD }),
  nock('get-services-data-v42-0-sobjects-contact-id-404-0', { absent: true }),
  nock('get-services-data-v42-0-sobjects-lead-describe-200-0'),
  nock('get-services-data-v42-0-sobjects-lead-id-200-0'),
  nock('get-services-data-v42-0-sobjects-lead-id-200-1'),
  nock('get-services-data-v42-0-sobjects-lead-id-200-2'),
  nock('get-services-data-v42-0-sobjects-topic-describe-200-0'),
  nock('patch-services-data-v42-0-composite-sobjects-200-1'),
  nock('patch-services-data-v42-0-composite-sobjects-200-3', { types: { email_field__c: 'email(80)' } }),
  nock('patch-services-data-v42-0-composite-sobjects-200-4'),
  nock('patch-services-data-v42-0-composite-sobjects-200-5'),
  nock('post-services-data-v42-0-composite-sobjects-200-0'),
  nock('post-services-data-v42-0-composite-sobjects-200-1'),
  nock('post-services-data-v42-0-composite-sobjects-200-2'),
  nock('post-services-data-v42-0-composite-sobjects-200-4'),
  nock('post-services-data-v42-0-composite-sobjects-200-5'),
  nock('post-services-data-v42-0-sobjects-campaign-201-0'),
  nock('post-services-data-v42-0-sobjects-campaign-201-1'),
  nock('post-services-data-v42-0-sobjects-topic-201-1'),
  nock('post-services-soap-u-42-0-200-0', { given: loginUser }),
  nock('post-services-soap-u-42-0-200-1', {
    given: row('Lead', '00Q4S000002sSacUAE', { LastName: 'Lead', Company: 'Somewhere' }),
  }),
]

const NANGO: Entry[] = [
  nango('accounts', { given: manyAccounts }),
  nango('composite-batch-request', { lenience: { ordered: ['results', 'compositeResponse', 'graphs'] } }),
  nango('composite-graph-request', { lenience: { ordered: ['results', 'compositeResponse', 'graphs'] } }),
  nango('composite-request', { lenience: { ordered: ['results', 'compositeResponse', 'graphs'] } }),
  nango('contacts'),
  nango('create-record'),
  nango('delete-record'),
  nango('delete-sobject-collection'),
  nango('describe-global'),
  nango('get-limits'),
  nango('get-record-by-external-id'),
  nango('get-record', { given: all(ACCOUNTS, STATE_CODES) }),
  nango('get-sobject-basic-info'),
  nango('list-available-resources'),
  nango('list-recent-items', { given: manyAccounts }),
  nango('opportunities'),
  nango('query-all-records'),
  nango('query-records'),
  nango('records-by-soql'),
  nango('retrieve-query-more', { given: all(manyAccounts, (s) => s.must('GET', `${DATA}/query?q=SELECT+Id,Name+FROM+Account`)) }),
  nango('search-records'),
  nango('update-sobject-collection'),
  nango('upsert-record'),
  nango('upsert-sobject-collection'),
  nango('users'),
]

/** Counts are approximate: the org still counted rows that the query after it no longer found. */
const COUNTED_BEFORE: Partial<Entry> = { lenience: { emptied: ['records'] } }

const CASSETTES: Entry[] = [
  cassette('TestIntegrationInfrastructure.test_integration_tests'),
  cassette('GET_sobjects_Event_describe'),
  cassette('GET_sobjects_Contact_describe'),
  cassette('GET_sobjects_Global_describe'),
  cassette('GET_sobjects_Lead_describe'),
  cassette('ManualEditTestCompositeParallelSalesforce.test_http_headers', {
    given: async (s) => {
      s.sandbox.world.clock.advance(Date.parse('2020-09-01') - s.sandbox.world.clock.now())
      await fields('Account')(s)
    },
  }),
  cassette('TestCompositeParallelSalesforce.test_errors'),
  cassette('TestCompositeParallelSalesforce.test_reference_ids'),
  cassette('TestCountSObjects.test_count_sobjects_simple'),
  cassette('TestDatasetsE2E.test_datasets_extract_standard_objects', {
    given: all(
      fields('Account', 'RecordTypeId reference >RecordType:RecordType'),
      row('RecordType', '0125g0000000001', { Name: 'R', DeveloperName: 'R', SobjectType: 'Account' }),
    ),
  }),
  cassette('TestSelect.test_select_similarity_annoy_strategy'),
  cassette('TestSelect.test_select_similarity_strategy'),
  cassette('TestSelect.test_select_standard_strategy'),
  cassette('TestSnowfakery.test_run_until_records_in_org__none_needed'),
  cassette('TestSnowfakery.test_run_until_records_in_org__one_needed'),
  cassette('TestSnowfakery.test_snowfakery_query_salesforce'),
  cassette('TestUpdatesIntegrationTests.test_updates_task'),
  cassette('TestUpsert.test_upsert__rest'),
  cassette('TestUpsert.test_upsert_complex_external_id_field__rest', COUNTED_BEFORE),
  cassette('TestUpsert.test_upsert_complex_external_id_field_rest__duplicate_error', COUNTED_BEFORE),
]

const HANDMADE: Entry[] = [
  {
    file: 'camel-quarkus-wiremock/revokeToken.json',
    given: async ({ sandbox }) => sandbox.world.sessions.addFixed('token', { user: '' }),
  },
]

export const salesforce: Entry[] = [...NOCK, ...NANGO, ...CASSETTES, ...HANDMADE, ...AMP, ...RESTFORCE]
