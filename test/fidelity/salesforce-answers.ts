import type { Entry } from './entry.ts'
import { bare, present, text } from './recordings.ts'
import type { Stage } from './stage.ts'
import { all, DATA, fields, get, patch, post, query, row } from './steps.ts'

/** Requests for Salesforce recordings that hold only an answer, or only a request. */

const CONTACTS = `${DATA}/sobjects/Contact`
const amp = (name: string, more: Partial<Entry>): Entry => ({ file: `amp-labs-connectors/test/${name}`, ...more })
const restforce = (name: string, more: Partial<Entry>): Entry => ({ file: `restforce-fixtures/${name}.json`, ...more })

const BAD_LOGIN = 'grant_type=password&username=nobody@example.com&password=wrong'
const twoContacts = [{ LastName: 'One' }, { LastName: 'Two' }].map((c) => ({ attributes: { type: 'Contact' }, ...c }))
const WITH_KEY = fields('Opportunity', 'external_id__c string(64) ext')
const UPSERT = {
  object: 'Opportunity',
  operation: 'upsert',
  externalIdFieldName: 'external_id__c',
  contentType: 'CSV',
  lineEnding: 'LF',
}

/** An ingest job that was given its rows and, unless told to stay, was worked off. */
const ingest =
  (csv: string, state: string) =>
  async (stage: Stage): Promise<{ method: string; path: string }> => {
    const { id } = await stage.must('POST', `${DATA}/jobs/ingest`, UPSERT)
    await stage.must('PUT', `${DATA}/jobs/ingest/${String(id)}/batches`, csv, { 'content-type': 'text/csv' })
    await stage.control('/settings', { salesforceSlowJobs: state === 'InProgress' })
    await stage.must('PATCH', `${DATA}/jobs/ingest/${String(id)}`, { state: 'UploadComplete' })
    return { method: 'GET', path: `${DATA}/jobs/ingest/${String(id)}` }
  }
const OPPORTUNITY = 'external_id__c,Name,StageName,CloseDate\n1,One,Prospecting,2030-01-01\n'
const soap = (name: string) => ({
  method: 'POST',
  path: '/services/Soap/m/60.0',
  body: present ? text('salesforce', `amp-labs-connectors/test/metadata/${name}`) : '',
})
const CUSTOM_OBJECT = (stage: Stage) =>
  stage.control('/salesforce/fields', {
    object: 'TestObject15__c',
    prefix: 'a15',
    lines: ['Name string(80) name', ...['Birthday__c date', 'Connection__c string', 'Hobby__c string', 'IsReady__c boolean']],
  })
const envelope = (body: string) =>
  `<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Header xmlns="http://soap.sforce.com/2006/04/metadata"><SessionHeader><sessionId>REDACTED</sessionId></SessionHeader></soapenv:Header><soapenv:Body xmlns="http://soap.sforce.com/2006/04/metadata"><upsertMetadata>${body}</upsertMetadata></soapenv:Body></soapenv:Envelope>`
const WRITE_PERMISSIONS = 'write/write-field-permissions-payload.xml'
const ONE_PERMISSION = envelope(
  '<metadata xsi:type="PermissionSet"><fullName>IntegrationCustomFieldVisibility</fullName><label>I</label><fieldPermissions><field>TestObject15__c.Hobby__c</field><readable>true</readable><editable>true</editable></fieldPermissions></metadata>',
)
const REQUIRED_CHECKBOX = envelope(
  '<metadata xsi:type="CustomField"><fullName>TestObject15__c.IsReady__c</fullName><label>Ready</label><type>Checkbox</type><required>true</required></metadata>',
)
const permitted = all(CUSTOM_OBJECT, (s) => s.send({ ...soap(WRITE_PERMISSIONS), body: ONE_PERMISSION }))
const PERSON = '0055g00000000AAAAA'

const describeOf = (object: string) =>
  post(`${DATA}/composite`, {
    compositeRequest: [{ method: 'GET', url: `${DATA}/sobjects/${object}/describe`, referenceId: object }],
  })
const SAMPLED = { cut: ['$.compositeResponse[].body.fields', '$.compositeResponse[].body.childRelationships'] }

export const AMP: Entry[] = [
  amp('metadata/read/accounts-sampled.json', {
    ...describeOf('Account'),
    lenience: { ...SAMPLED, emptied: ['childRelationships', 'picklistValues', 'recordTypeInfos', 'supportedScopes', 'urls'] },
  }),
  amp('metadata/read/organization-sampled.json', {
    ...describeOf('Organization'),
    lenience: { ...SAMPLED, emptied: ['referenceTo'] },
  }),
  amp('batch/create/contacts/err-bad-request.json', { ...post(`${DATA}/composite/sobjects`, { records: [] }), status: 400 }),
  amp('batch/create/contacts/success.json', post(`${DATA}/composite/sobjects`, { records: twoContacts })),
  amp('batch/update/contacts/err-each-no-ids.json', patch(`${DATA}/composite/sobjects`, { records: twoContacts })),
  amp('batch/update/contacts/partial-but-allOrNone.json', {
    given: all(
      row('Contact', '003ak00000jvIfpAAE', { LastName: 'One' }),
      row('Contact', '003ak00000jvIfqAAE', { LastName: 'Two' }),
    ),
    ...patch(`${DATA}/composite/sobjects`, {
      allOrNone: true,
      records: [
        { attributes: { type: 'Contact' }, id: '003ak00000jvIfpAAE', LastName: 'Changed' },
        { attributes: { type: 'Contact' }, id: '003ak00000jvIfqAAE', unknownField_LastName: 'Changed' },
      ],
    }),
    lenience: { ordered: [''] },
  }),
  amp('batch/update/contacts/payload.json', {
    given: all(
      row('Contact', '003ak00000jvIfpAAE', { LastName: 'One' }),
      row('Contact', '003ak00000jvIfqAAE', { LastName: 'Two' }),
    ),
    accepted: {
      method: 'PATCH',
      path: `${DATA}/composite/sobjects`,
      body: present ? bare('salesforce', 'amp-labs-connectors/test/batch/update/contacts/payload.json') : undefined,
    },
  }),
  amp(
    'bulk/delete/launch-job-opportunity.json',
    post(`${DATA}/jobs/ingest`, { object: 'Opportunity', operation: 'delete', contentType: 'CSV' }),
  ),
  amp('bulk/delete/update-job-opportunity.json', {
    request: async (s) => {
      const { id } = await s.must('POST', `${DATA}/jobs/ingest`, {
        object: 'Opportunity',
        operation: 'delete',
        contentType: 'CSV',
      })
      await s.must('PUT', `${DATA}/jobs/ingest/${String(id)}/batches`, 'Id\n', { 'content-type': 'text/csv' })
      return { method: 'PATCH', path: `${DATA}/jobs/ingest/${String(id)}`, body: { state: 'UploadComplete' } }
    },
  }),
  amp('bulk/info/in-progress.json', { given: WITH_KEY, request: ingest(OPPORTUNITY, 'InProgress') }),
  amp('bulk/info/partial-failure.json', {
    given: WITH_KEY,
    request: ingest(`${OPPORTUNITY}2,Two,Prospecting,\n`, 'JobComplete'),
  }),
  amp('bulk/info/success.json', { given: WITH_KEY, request: ingest(OPPORTUNITY, 'JobComplete') }),
  amp('bulk/read-launch-job-account.json', post(`${DATA}/jobs/query`, { operation: 'query', query: 'SELECT Id FROM Account' })),
  amp('crm/delete/not-found.json', {
    request: async (s) => {
      const { id } = await s.must('POST', CONTACTS, { LastName: 'Gone' })
      await s.must('DELETE', `${CONTACTS}/${String(id)}`)
      return { method: 'DELETE', path: `${CONTACTS}/${String(id)}` }
    },
    status: 404,
  }),
  amp('invalid-field-upsert.json', { ...post(`${DATA}/sobjects/Account`, { Name: 'A', MasterRecordId: PERSON }), status: 400 }),
  amp('metadata/delete/delete-fields-payload.xml', { given: CUSTOM_OBJECT, accepted: soap('delete/delete-fields-payload.xml') }),
  amp('metadata/write/err-duplicate-permission-assignment.json', {
    request: async (s) => {
      const { id } = await s.must('POST', `${DATA}/sobjects/PermissionSet`, { Name: 'P', Label: 'P' })
      const body = { AssigneeId: '005000000000001AAA', PermissionSetId: id }
      await row('User', body.AssigneeId, { Username: 'u@example.com', LastName: 'U', Email: 'u@example.com' })(s)
      await s.must('POST', `${DATA}/sobjects/PermissionSetAssignment`, body)
      return { method: 'POST', path: `${DATA}/sobjects/PermissionSetAssignment`, body }
    },
    status: 400,
  }),
  amp('metadata/write/object15/bad-request.xml', {
    given: CUSTOM_OBJECT,
    request: { ...soap(WRITE_PERMISSIONS), body: REQUIRED_CHECKBOX },
  }),
  amp('metadata/write/permission-set.json', {
    given: row('PermissionSet', '0PSak00000M9uBBGAZ', { Name: 'IntegrationCustomFieldVisibility', Label: 'I' }),
    ...query("SELECT Id, Name FROM PermissionSet WHERE Name = 'IntegrationCustomFieldVisibility'"),
  }),
  amp('metadata/write/read-field-permissions-payload.xml', { accepted: soap('write/read-field-permissions-payload.xml') }),
  amp('metadata/write/read-field-permissions-response.xml', {
    given: permitted,
    request: soap('write/read-field-permissions-payload.xml'),
  }),
  amp('metadata/write/write-field-permissions-payload.xml', { given: CUSTOM_OBJECT, accepted: soap(WRITE_PERMISSIONS) }),
  amp('read-list-contacts.json', {
    given: all(
      row('Account', '001ak00000OKNPHAA5', { Name: 'A' }),
      row('Contact', '003ak000003dQCGAA2', {
        LastName: 'L',
        AccountId: '001ak00000OKNPHAA5',
        Department: 'D',
        AssistantName: 'A',
      }),
    ),
    ...query('SELECT AccountId, Department, AssistantName, Description FROM Contact'),
  }),
  amp('read-list-leads.json', {
    given: async (s) => {
      for (let from = 0; from < 400; from += 200)
        await s.must('POST', `${DATA}/composite/sobjects`, {
          records: Array.from({ length: 200 }, () => ({
            attributes: { type: 'Lead' },
            LastName: 'L',
            FirstName: 'F',
            Company: 'C',
            City: 'Town',
            CleanStatus: 'Pending',
          })),
        })
    },
    request: {
      ...query('SELECT Address, City, CleanStatus, FirstName FROM Lead').request,
      headers: { 'Sforce-Query-Options': 'batchSize=200' },
    },
    // The recorded page says that it is the last and still names a next one.
  }),
  amp('read-opportunity-with-account.json', {
    given: row('Opportunity', '006ak00000OQ4RxAAL', { Name: 'O', StageName: 'Prospecting', CloseDate: '2030-01-01', Amount: 5 }),
    ...query('SELECT Id, Name, AccountId, Amount, StageName FROM Opportunity'),
  }),
]

const WHIZBANG = (stage: Stage) =>
  stage.control('/salesforce/fields', {
    object: 'Whizbang',
    prefix: 'a01',
    lines: ['Name string(80) name', 'Text_Label string(80)', 'External_Field__c string(80) ext', 'Email email(80)'],
  })
const ID = 'a01D000000HJmKSIA1'
const form = (body: string) => ({ method: 'POST', path: '/services/oauth2/token', body })

export const RESTFORCE: Entry[] = [
  restforce('auth_error_response', { request: form(BAD_LOGIN), status: 400 }),
  restforce('expired_session_response', {
    request: { method: 'GET', path: `${DATA}/limits`, headers: { authorization: 'Bearer nobody' } },
    status: 401,
  }),
  restforce('refresh_error_response', { request: form('grant_type=refresh_token&refresh_token=unknown'), status: 400 }),
  restforce('sobject/create_success_response', { ...post(`${DATA}/sobjects/Account`, { Name: 'A' }), status: 201 }),
  restforce('sobject/describe_sobjects_success_response', get('/services/data/v23.0/sobjects')),
  restforce('sobject/list_sobjects_success_response', get('/services/data/v23.0/sobjects')),
  restforce('sobject/get_updated_success_response', {
    given: row('Contact', '003q000000KvQ1tAAF', { LastName: 'L' }),
    request: ({ sandbox }) => {
      const at = (ms: number) => encodeURIComponent(new Date(sandbox.world.clock.now() + ms).toISOString())
      return { method: 'GET', path: `${CONTACTS}/updated?start=${at(-86_400_000)}&end=${at(60_000)}` }
    },
  }),
  restforce('sobject/list_view_results_success_response', {
    given: row('Account', '001D000000HJmKS', { Name: 'A', Phone: '1', Type: 'Prospect' }),
    request: async (s) => {
      const { listviews } = (await s.must('GET', `${DATA}/sobjects/Account/listviews`)) as { listviews: { resultsUrl: string }[] }
      return { method: 'GET', path: listviews[0]!.resultsUrl }
    },
  }),
  restforce('sobject/query_error_response', { ...query('SELECT foo FROM Account'), status: 400 }),
  ...['first', 'last'].map((page) =>
    restforce(`sobject/query_paginated_${page}_page_response`, {
      given: async (s) => {
        await WHIZBANG(s)
        for (let from = 0; from < 400; from += 200)
          await s.must('POST', `${DATA}/composite/sobjects`, {
            records: Array.from({ length: 200 }, () => ({ attributes: { type: 'Whizbang' }, Text_Label: 'T' })),
          })
      },
      request: async (s) => {
        const first = {
          ...query('SELECT Text_Label FROM Whizbang').request,
          headers: { 'Sforce-Query-Options': 'batchSize=200' },
        }
        if (page === 'first') return first
        const { body } = await s.send(first)
        return { method: 'GET', path: (body as { nextRecordsUrl: string }).nextRecordsUrl }
      },
    }),
  ),
  restforce('sobject/recent_success_response', {
    given: all(WHIZBANG, row('Whizbang', ID, { Name: 'W' })),
    ...get(`${DATA}/recent`),
  }),
  restforce('sobject/search_error_response', { ...get(`${DATA}/search?q=Acme`), status: 400 }),
  restforce('sobject/sobject_describe_error_response', { ...get(`${DATA}/sobjects/Nothing/describe`), status: 404 }),
  restforce('sobject/sobject_find_error_response', { given: WHIZBANG, ...get(`${DATA}/sobjects/Whizbang/23foo/x`), status: 404 }),
  restforce('sobject/sobject_select_success_response', {
    given: all(WHIZBANG, row('Whizbang', ID, { External_Field__c: '1234' })),
    ...get(`${DATA}/sobjects/Whizbang/${ID}?fields=External_Field__c,Id`),
  }),
  restforce('sobject/upsert_created_success_response', {
    given: WHIZBANG,
    ...patch('/services/data/v23.0/sobjects/Whizbang/External_Field__c/1', { Name: 'W' }),
    status: 201,
  }),
  restforce('sobject/upsert_error_response', {
    given: WHIZBANG,
    ...patch(`${DATA}/sobjects/Whizbang/Namez/1`, { Text_Label: 'W' }),
    status: 404,
  }),
  restforce('sobject/upsert_multiple_error_response', {
    given: async (s) => {
      await WHIZBANG(s)
      for (const Text_Label of ['a', 'b'])
        await s.must('POST', `${DATA}/sobjects/Whizbang`, { Text_Label, Email: 'same@example.com' })
    },
    ...patch(`${DATA}/sobjects/Whizbang/Email/same@example.com`, { Name: 'W' }),
    status: 300,
  }),
  restforce('sobject/upsert_updated_success_response', {
    given: all(WHIZBANG, row('Whizbang', ID, { External_Field__c: '1' })),
    ...patch('/services/data/v23.0/sobjects/Whizbang/External_Field__c/1', { Text_Label: 'W' }),
    status: 204,
    part: (body) => (body === '' ? '\n' : body),
  }),
  restforce('sobject/write_error_response', { ...post(`${DATA}/sobjects/Account`, { Name: 'A', foo: 1 }), status: 400 }),
]
