import nock from 'nock'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Operation, Wire } from '../../connectors/connector.ts'
import { HubspotConnector } from '../../connectors/hubspot/hubspot.ts'
import { SalesforceConnector } from '../../connectors/salesforce/salesforce.ts'

/** Exact HTTP of field histories and of conditional updates. */

const kinds: Operation['kind'][] = []
const wire: Wire = {
  token: async () => 'T',
  call: (operation, run) => {
    kinds.push(operation.kind)
    return run()
  },
  note: () => {},
}
const fields = [
  { name: 'Phone', type: 'phone' },
  { name: 'OwnerId', type: 'reference', referenceTo: ['User'] },
].map((f) => ({
  label: f.name,
  length: 40,
  precision: 0,
  scale: 0,
  createable: true,
  updateable: true,
  nillable: true,
  defaultedOnCreate: false,
  unique: false,
  externalId: false,
  restrictedPicklist: false,
  referenceTo: [],
  picklistValues: [],
  ...f,
}))
const sf = new SalesforceConnector({ instanceUrl: 'https://acme.my.salesforce.com', wire })
const hs = new HubspotConnector({ wire })

beforeAll(() => {
  // Another file of this worker may have switched it off.
  if (!nock.isActive()) nock.activate()
  nock.disableNetConnect()
})
afterEach(() => {
  nock.cleanAll()
  kinds.length = 0
})
afterAll(() => nock.restore())
const salesforce = () => nock('https://acme.my.salesforce.com')
const hubspot = () => nock('https://api.hubapi.com')
const found = (records: unknown[]) => ({ totalSize: records.length, done: true, records })

describe('Salesforce', () => {
  test('asks once which fields are tracked, reads their history, and keeps the ids of look-ups', async () => {
    salesforce().get('/services/data/v60.0/sobjects/Account/describe').reply(200, { name: 'Account', label: 'Account', fields })
    salesforce()
      .get('/services/data/v60.0/query')
      .query(({ q }) =>
        String(q).includes(
          "FROM FieldDefinition WHERE EntityDefinition.QualifiedApiName = 'Account' AND IsFieldHistoryTracked = true",
        ),
      )
      .once()
      .reply(200, found([{ QualifiedApiName: 'Phone' }, { QualifiedApiName: 'OwnerId' }]))
    salesforce()
      .get('/services/data/v60.0/query')
      .query(
        ({ q }) =>
          q ===
          "SELECT AccountId, Field, OldValue, NewValue, CreatedById, CreatedDate FROM AccountHistory WHERE AccountId IN ('001A') AND CreatedDate >= 2026-01-01T00:00:00.000Z ORDER BY CreatedDate DESC, Id DESC",
      )
      .times(2)
      .reply(
        200,
        found([
          {
            AccountId: '001A',
            Field: 'Owner',
            OldValue: 'Ann',
            NewValue: 'Bob',
            CreatedById: '005B',
            CreatedDate: '2026-01-02T00:00:00.000+0000',
          },
          {
            AccountId: '001A',
            Field: 'Owner',
            OldValue: '0055g000001AAAAAA4',
            NewValue: '0055g000001BBBBAA4',
            CreatedById: '005B',
            CreatedDate: '2026-01-02T00:00:00.000+0000',
          },
          {
            AccountId: '001A',
            Field: 'Phone',
            OldValue: '1',
            NewValue: '2',
            CreatedById: '005A',
            CreatedDate: '2026-01-02T00:00:01.000+0000',
          },
        ]),
      )
    await sf.describe('Account')
    const request = { object: 'Account', ids: ['001A'], columns: ['Phone', 'OwnerId', 'Name'], since: Date.UTC(2026, 0, 1) }
    await sf.history(request)
    const { tracked, rows } = await sf.history(request)
    expect(tracked).toEqual(new Set(['Phone', 'OwnerId']))
    expect(rows.get('001A')).toEqual(
      new Map([
        ['Phone', [{ value: '2', from: '1', at: Date.UTC(2026, 0, 2, 0, 0, 1), by: '005A', through: '' }]],
        [
          'OwnerId',
          [{ value: '0055g000001BBBBAA4', from: '0055g000001AAAAAA4', at: Date.UTC(2026, 0, 2), by: '005B', through: '' }],
        ],
      ]),
    )
    expect(kinds).toEqual(['meta', 'watch', 'watch', 'watch'])
    expect(nock.isDone()).toBe(true)
  })

  test('updates a single row on condition, and tells a changed one from a refused one', async () => {
    const since = Date.UTC(2026, 0, 1, 12)
    const patch = () =>
      nock('https://acme.my.salesforce.com', { reqheaders: { 'if-unmodified-since': 'Thu, 01 Jan 2026 12:00:00 GMT' } }).patch(
        '/services/data/v60.0/sobjects/Account/001A',
        { Phone: '2' },
      )
    const update = () => sf.update({ object: 'Account', rows: [{ id: '001A', row: { Phone: '2' }, unmodifiedSince: since }] })
    patch().reply(204)
    expect(await update()).toEqual([{ ok: true, id: '001A' }])
    patch().reply(412, [{ errorCode: 'PRECONDITION_FAILED', message: 'modified since' }])
    expect(await update()).toMatchObject([{ ok: false, error: { class: 'changed' } }])
    patch().reply(400, [{ errorCode: 'STRING_TOO_LONG', message: 'Phone: data value too large', fields: ['Phone'] }])
    expect(await update()).toMatchObject([{ ok: false, error: { class: 'invalid_value', detail: { fields: ['Phone'] } } }])
    patch().reply(503, 'x')
    await expect(update()).rejects.toMatchObject({ class: 'unavailable' })
  })
})

describe('HubSpot', () => {
  test('reads the history of living and archived records, and follows a merged one by itself', async () => {
    const body = (ids: string[]) => ({
      inputs: ids.map((id) => ({ id })),
      properties: ['hs_object_id'],
      propertiesWithHistory: ['phone'],
    })
    const entry = (value: string, source: object) => ({ value, timestamp: '2026-01-02T00:00:00.000Z', ...source })
    hubspot()
      .post('/crm/v3/objects/companies/batch/read?archived=false', body(['1', '2', '3', '4']))
      .reply(207, {
        results: [
          {
            id: '1',
            propertiesWithHistory: {
              phone: [
                entry('', { sourceType: 'INTEGRATION', sourceId: '77' }),
                entry('5', { sourceType: 'CRM_UI', sourceId: 'userId:9', updatedByUserId: 9 }),
              ],
            },
          },
        ],
      })
    hubspot()
      .post('/crm/v3/objects/companies/batch/read?archived=true', body(['2', '3', '4']))
      .reply(200, { results: [{ id: '2', propertiesWithHistory: {} }] })
    hubspot()
      .get('/crm/v3/objects/companies/3?propertiesWithHistory=phone')
      .reply(200, { id: '30', propertiesWithHistory: { phone: [] } })
    hubspot()
      .get('/crm/v3/objects/companies/4?propertiesWithHistory=phone')
      .reply(404, { message: 'not found', category: 'OBJECT_NOT_FOUND' })
    const { rows } = await hs.history({ object: 'companies', ids: ['1', '2', '3', '4'], columns: ['phone'], since: 0 })
    const at = Date.UTC(2026, 0, 2)
    expect([...rows]).toEqual([
      [
        '1',
        new Map([
          [
            'phone',
            [
              { value: null, at, by: '77', through: 'INTEGRATION' },
              { value: '5', at, by: 'userId:9', through: 'CRM_UI' },
            ],
          ],
        ]),
      ],
      ['2', new Map()],
      ['3', new Map([['phone', []]])],
    ])
    expect(new Set(kinds)).toEqual(new Set(['watch']))
    expect(nock.isDone()).toBe(true)
  })
})
