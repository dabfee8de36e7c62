import nock from 'nock'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Wire } from '../../connectors/connector.ts'
import { HubspotConnector } from '../../connectors/hubspot/hubspot.ts'
import { SalesforceConnector } from '../../connectors/salesforce/salesforce.ts'

/** Exact HTTP: what is sent, and how each kind of answer is classified. */

const wire: Wire = { token: async () => 'T', call: (_, run) => run(), note: () => {} }
const sf = new SalesforceConnector({ instanceUrl: 'https://acme.my.salesforce.com', wire })
const hs = new HubspotConnector({ wire })

beforeAll(() => {
  // Another file of this worker may have switched it off.
  if (!nock.isActive()) nock.activate()
  nock.disableNetConnect()
})
afterEach(() => nock.cleanAll())
afterAll(() => nock.restore())

const salesforce = () =>
  nock('https://acme.my.salesforce.com', { reqheaders: { authorization: 'Bearer T', 'sforce-call-options': 'client=concordat' } })
const hubspot = () => nock('https://api.hubapi.com', { reqheaders: { authorization: 'Bearer T' } })

describe('Salesforce', () => {
  test.each([
    [401, [{ errorCode: 'INVALID_SESSION_ID', message: 'Session expired or invalid' }], 'auth_expired'],
    [403, [{ errorCode: 'REQUEST_LIMIT_EXCEEDED', message: 'TotalRequests Limit exceeded.' }], 'quota_exhausted'],
    [400, [{ errorCode: 'INVALID_FIELD', message: "No such column 'X__c' on entity 'Account'" }], 'unknown_field'],
    [500, [{ errorCode: 'UNKNOWN_EXCEPTION', message: 'An unexpected error occurred' }], 'unavailable'],
    [503, 'Service Unavailable', 'unavailable'],
  ])('%i is classified', async (status, body, kind) => {
    salesforce()
      .get(/queryAll/)
      .reply(status, body)
    await expect(sf.readByIds({ object: 'Account', ids: ['001A'], columns: ['Name'] })).rejects.toMatchObject({ class: kind })
    expect(nock.isDone()).toBe(true)
  })

  test('a call is made once: the connector never retries', async () => {
    const scope = salesforce()
      .get(/queryAll/)
      .times(2)
      .reply(503, 'x')
    await expect(sf.readByIds({ object: 'Account', ids: ['001A'], columns: ['Name'] })).rejects.toMatchObject({
      class: 'unavailable',
    })
    expect(scope.isDone()).toBe(false)
  })

  test('each row of a collection has its own outcome', async () => {
    salesforce()
      .patch('/services/data/v60.0/composite/sobjects', {
        allOrNone: false,
        records: [
          { attributes: { type: 'Account' }, id: '001A', Name: 'a' },
          { attributes: { type: 'Account' }, id: '001B', Name: 'b' },
        ],
      })
      .reply(200, [
        { id: '001A', success: true, errors: [] },
        { success: false, errors: [{ statusCode: 'FIELD_CUSTOM_VALIDATION_EXCEPTION', message: 'No', fields: ['Name'] }] },
      ])
    const outcomes = await sf.update({
      object: 'Account',
      rows: [
        { id: '001A', row: { Name: 'a' } },
        { id: '001B', row: { Name: 'b' } },
      ],
    })
    expect(outcomes).toMatchObject([
      { ok: true, id: '001A' },
      { ok: false, error: { class: 'invalid_value', detail: { fields: ['Name'] } } },
    ])
  })

  test.each([
    ['a row without its id', { records: [{ SystemModstamp: '2026-01-01T00:00:00.000+0000' }] }, 'records.0.Id'],
    ['a row without its version', { records: [{ Id: '001A' }] }, 'records.0.SystemModstamp'],
    ['a row that is none', { records: ['001A'] }, 'records.0'],
    ['no rows', {}, 'records'],
  ])('an answer with %s is named, not read', async (_, body, where) => {
    const answer = { totalSize: 1, done: true, ...body }
    salesforce().get(/query/).reply(200, answer)
    const failure = { class: 'unavailable', message: expect.stringContaining(`documents: ${where} `) }
    await expect(sf.list({ object: 'Account', columns: ['Name'] })).rejects.toMatchObject(failure)
    salesforce()
      .post(/composite/)
      .reply(200, { compositeResponse: [{ httpStatusCode: 200, body: answer }] })
    const since = { version: 0, id: '' }
    await expect(sf.changes([{ object: 'Account', columns: ['Name'], since }])).rejects.toMatchObject(failure)
  })

  test('a lost connection during a write is an unknown outcome', async () => {
    salesforce()
      .patch(/composite/)
      .replyWithError(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }))
    await expect(sf.update({ object: 'Account', rows: [{ id: '001A', row: { Name: 'a' } }] })).rejects.toMatchObject({
      class: 'unknown_outcome',
    })
  })

  test('quotes in values cannot leave a SOQL literal', async () => {
    salesforce()
      .get('/services/data/v60.0/queryAll')
      .query((q) => String(q.q).includes("IN ('o\\'hara\\\\')"))
      .reply(200, { totalSize: 0, done: true, records: [] })
    await sf.find({ object: 'Contact', column: 'LastName', values: ["o'hara\\"], columns: [] })
    expect(nock.isDone()).toBe(true)
  })
})

describe('HubSpot', () => {
  const record = { id: '1', updatedAt: '2026-01-01T00:00:00Z', properties: {} }
  test.each([
    [401, { category: 'INVALID_AUTHENTICATION' }, 'auth_expired'],
    [403, { category: 'MISSING_SCOPES' }, 'forbidden'],
    [429, { message: 'You have reached your secondly limit.', category: 'RATE_LIMITS' }, 'rate_limited'],
    [429, { message: 'You have reached your daily limit.', policyName: 'DAILY' }, 'quota_exhausted'],
    [423, { message: 'locked' }, 'locked'],
    [502, 'Bad Gateway', 'unavailable'],
    [
      400,
      {
        category: 'VALIDATION_ERROR',
        message: 'x',
        errors: [{ code: 'PROPERTY_DOESNT_EXIST', context: { propertyName: ['foo'] } }],
      },
      'unknown_field',
    ],
  ])('%i %j is classified', async (status, body, kind) => {
    hubspot().get('/crm/v3/objects/companies').query(true).reply(status, body)
    await expect(hs.list({ object: 'companies', columns: ['name'] })).rejects.toMatchObject({ class: kind })
  })

  test.each([
    [500, 'unknown_outcome'],
    [502, 'unknown_outcome'],
    [504, 'unknown_outcome'],
    [503, 'unavailable'],
    [429, 'rate_limited'],
  ])('a write that is answered with %i is %s', async (status, kind) => {
    hubspot()
      .post(/batch\/create/)
      .reply(status, { message: 'x' })
    await expect(
      hs.create({ object: 'companies', externalId: 'concordat_id', rows: [{ key: 'k', row: {} }] }),
    ).rejects.toMatchObject({
      class: kind,
    })
  })

  test('associations that could not be read are absent; those that are none are blank; further pages are read', async () => {
    const column = '@companies#HUBSPOT_DEFINED:5'
    const to = (id: number) => ({ toObjectId: id, associationTypes: [{ category: 'HUBSPOT_DEFINED', typeId: 5 }] })
    hubspot()
      .post(/associations\/deals\/companies\/batch\/read/, (b) => b.inputs.length === 3)
      .reply(207, {
        results: [{ from: { id: '1' }, to: [to(11)], paging: { next: { after: 'p2' } } }],
        errors: [
          { subCategory: 'crm.associations.NO_ASSOCIATIONS_FOUND', context: { fromObjectId: ['2'] } },
          { subCategory: 'crm.associations.OTHER', context: { fromObjectId: ['3'] } },
        ],
      })
    hubspot()
      .post(/associations\/deals\/companies\/batch\/read/, (b) => b.inputs[0].after === 'p2')
      .reply(200, { results: [{ from: { id: '1' }, to: [to(12)] }] })
    const found = await hs.readAssociations({ object: 'deals', ids: ['1', '2', '3'], columns: [column] })
    expect(Object.fromEntries(found)).toEqual({ 1: { [column]: ['11', '12'] }, 2: { [column]: [] }, 3: {} })
  })

  test('a search goes on by time, and holds a row once that a page shows again', async () => {
    const row = (id: number, at: number) => ({ id: String(id), updatedAt: new Date(at).toISOString(), properties: {} })
    const first = Array.from({ length: 200 }, (_, i) => row(i, 1_000 + i))
    hubspot()
      .post(/search/, (b) => b.filterGroups[0].filters[0].value === '0' && b.after === undefined)
      .reply(200, { results: first })
    hubspot()
      .post(/search/, (b) => b.filterGroups[0].filters[0].value === '1199' && b.after === undefined)
      .reply(200, { results: [row(199, 1_199), row(500, 1_300)] })
    const [page] = await hs.changes([{ object: 'companies', columns: ['name'], since: { version: 0, id: '' } }])
    expect(page!.snapshots).toHaveLength(201)
    expect(page).toMatchObject({ upTo: { version: 1_300, id: '' } })
  })

  test('a search over the second limit waits one second, not ten', async () => {
    hubspot()
      .post(/search/)
      .reply(429, { message: 'You have reached your secondly limit.', category: 'RATE_LIMITS' })
    await expect(hs.changes([{ object: 'companies', columns: ['name'], since: { version: 0, id: '' } }])).rejects.toMatchObject({
      detail: { retryAfterMs: 1000 },
    })
  })

  test('creates carry a trace id each, and answers are matched by it whatever their order', async () => {
    hubspot()
      .post(
        '/crm/v3/objects/companies/batch/create',
        (b) => b.inputs[0].objectWriteTraceId === '0' && b.inputs[1].properties.concordat_id === 'k2',
      )
      .reply(207, {
        results: [{ id: '9', objectWriteTraceId: '1', properties: { name: 'b' }, updatedAt: '2026-01-01T00:00:00Z' }],
        errors: [{ category: 'VALIDATION_ERROR', message: 'bad', context: { objectWriteTraceId: ['0'] } }],
      })
    const outcomes = await hs.create({
      object: 'companies',
      externalId: 'concordat_id',
      rows: [
        { key: 'k1', row: { name: 'a' } },
        { key: 'k2', row: { name: 'b' } },
      ],
    })
    expect(outcomes).toMatchObject([
      { ok: false, error: { class: 'invalid_value' } },
      { ok: true, id: '9' },
    ])
  })

  test.each([
    ['no rows', {}, 'results'],
    ['a row that is none', { results: [null] }, 'results.0'],
    ['a row without its id', { results: [{ ...record, id: 1 }] }, 'results.0.id'],
    ['a row without its version', { results: [record, { ...record, updatedAt: undefined }] }, 'results.1.updatedAt'],
    ['a row without its properties', { results: [{ ...record, properties: undefined }] }, 'results.0.properties'],
    ['a number where text belongs', { results: [{ ...record, properties: { name: 5 } }] }, 'results.0.properties.name'],
  ])('an answer with %s is named, not read', async (_, body, where) => {
    hubspot().get('/crm/v3/objects/companies').query(true).reply(200, body)
    await expect(hs.list({ object: 'companies', columns: ['name'] })).rejects.toMatchObject({
      class: 'unavailable',
      message: expect.stringContaining(`documents: ${where} `),
    })
  })

  test('a write whose answer cannot be read has an unknown outcome', async () => {
    hubspot()
      .post('/crm/v3/objects/companies/batch/update')
      .reply(200, { results: [{ id: '1' }] })
    await expect(hs.update({ object: 'companies', rows: [{ id: '1', row: { name: 'a' } }] })).rejects.toMatchObject({
      class: 'unknown_outcome',
    })
  })

  test('an answer that is not what is documented is no success', async () => {
    hubspot().get('/crm/v3/objects/companies').query(true).reply(200, { unexpected: true })
    await expect(hs.list({ object: 'companies', columns: ['name'] })).rejects.toMatchObject({ class: 'unavailable' })
  })
})
