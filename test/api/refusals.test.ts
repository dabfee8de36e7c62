import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { apiApp } from '../../src/api/routes.ts'
import { App } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { makeLog } from '../../src/log.ts'
import { Program } from '../support/program.ts'

/** What the API does not take is the caller's mistake, and says which one. */

let program: Program
let app: App
let api: ReturnType<typeof apiApp>
beforeAll(async () => {
  program = await Program.make()
  app = await App.open({ config: readConfig({ ...program.env, LOG_LEVEL: 'silent' }), log: makeLog('silent'), crms: false })
  api = apiApp(app, 'secret')
})
afterAll(async () => {
  await app.close()
  await program.stop()
})

const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
  const answer = await api.request(path, {
    method,
    headers: { authorization: 'Bearer secret', ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  return {
    status: answer.status,
    body: (await answer.json()) as { id: string; fields: Record<string, unknown>; error: { code: string; message: string } },
  }
}
const create = (fields: Record<string, unknown>, entity = 'account') => call('POST', '/api/v1/records', { entity, fields })

describe('a request that is none', () => {
  test.each([
    ['broken JSON', 'POST', '/api/v1/records', '{bad'],
    ['an unknown key', 'POST', '/api/v1/records', { entity: 'account', fields: { name: 'A' }, bogus: 1 }],
    ['a wrong cursor', 'GET', '/api/v1/conflicts?cursor=abc', undefined],
    ['a wrong cursor of matches', 'GET', '/api/v1/matches?cursor=abc', undefined],
    ['a wrong cursor of runs', 'GET', '/api/v1/runs?cursor=abc', undefined],
    ['text that is none', 'GET', '/api/v1/records?q=%00', undefined],
  ])('%s is refused with 400', async (_, method, path, body) => {
    expect(await call(method, path, body)).toMatchObject({ status: 400, body: { error: { message: expect.any(String) } } })
  })
  test('an unknown path says so in JSON', async () =>
    expect(await call('PUT', '/api/v1/records')).toMatchObject({ status: 404, body: { error: { code: 'not_found' } } }))
  test('pausing without a body pauses everything', async () => {
    expect((await call('POST', '/api/v1/pause')).status).toBe(200)
    expect((await call('POST', '/api/v1/resume')).status).toBe(200)
  })
})

describe('a value that no field of the model can have', () => {
  test.each([
    ['domain', 'not a domain'],
    ['address.country', 'ZZ'],
    ['owner', 'not-an-email'],
    ['parent', 'not-a-uuid'],
    ['parent', '7c9e6679-7425-40de-944b-e07fc1f90ae7'],
    ['annualRevenue', { amount: '1', currency: 'XXQ' }],
    ['employees', 'many'],
    ['name', 'half an emoji \ud83d'],
    ['nothing', 'x'],
  ])('%s = %j is refused, naming the field', async (field, value) => {
    expect(await create({ name: 'A', [field]: value })).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringContaining(field) } },
    })
  })
  test('a record of nothing is refused', async () => expect((await create({ name: '  ' })).status).toBe(400))
  test('a read-only field is refused', async () =>
    expect(await create({ name: 'D', probability: '10' }, 'deal')).toMatchObject({ status: 400 }))
})

test('values are taken in the form of the model, however they are spelt', async () => {
  const made = await create({
    name: ' Kestrel  Ltd ',
    domain: 'https://www.Kestrel.example.com/x',
    'address.country': 'Germany',
    employees: '12',
  })
  expect(made).toMatchObject({
    status: 201,
    body: { fields: { name: 'Kestrel Ltd', domain: 'kestrel.example.com', 'address.country': 'DE', employees: 12 } },
  })
  const { id } = made.body
  expect(await call('PATCH', `/api/v1/records/${id}`, { fields: { parent: id } })).toMatchObject({
    status: 400,
    body: { error: { message: expect.stringContaining('itself') } },
  })
})

describe('what a person decides about something that is not there', () => {
  const NOBODY = '00000000-0000-4000-8000-000000000000'
  test.each([
    ['an unknown conflict', 'POST', `/api/v1/conflicts/${NOBODY}/resolve`, { rev: 1, keep: 'record' }, 404],
    ['an answer that is none', 'POST', '/api/v1/conflicts:resolve', { entity: 'account' }, 400],
    ['a side and a value at once', 'POST', '/api/v1/conflicts:resolve', { keep: 'record', value: 1 }, 400],
    ['a value for whatever field', 'POST', '/api/v1/conflicts:resolve', { value: 'x' }, 400],
    [
      'a policy that does not exist',
      'POST',
      '/api/v1/conflicts:always',
      { entity: 'account', field: 'phone', policy: 'random' },
      400,
    ],
    [
      'a field that nothing maps',
      'POST',
      '/api/v1/conflicts:always',
      { entity: 'account', field: 'shoeSize', policy: 'latest' },
      400,
    ],
    ['a plan of an unknown record', 'POST', '/api/v1/plan', { record: NOBODY }, 404],
    ['a plan of a mapping that is no YAML', 'POST', '/api/v1/plan', { mapping: { yaml: '{a: [' } }, 400],
    ['a plan of a mapping without a connection', 'POST', '/api/v1/plan', { mapping: { yaml: 'crm: salesforce' } }, 400],
    [
      'a rollback of what never was',
      'POST',
      '/api/v1/mappings:rollback',
      { connection: 'salesforce', entity: 'deal', version: 7 },
      404,
    ],
    ['a verification without a CRM', 'POST', '/api/v1/verify', undefined, 503],
    ['a sample of no rows', 'POST', '/api/v1/verify', { sample: 0 }, 400],
    ['a lead', 'POST', '/api/v1/records', { entity: 'lead', fields: { company: 'A' } }, 400],
    ['an account without its name', 'POST', '/api/v1/records', { entity: 'account', fields: { name: null } }, 400],
    ['an object for a text', 'POST', '/api/v1/records', { entity: 'account', fields: { name: { a: 1 } } }, 400],
    ['fewer employees than none', 'POST', '/api/v1/records', { entity: 'account', fields: { name: 'A', employees: -5 } }, 400],
  ])('%s is refused with a clear message', async (_, method, path, body, status) => {
    const answer = await call(method, path, body)
    expect(answer).toMatchObject({ status, body: { error: { code: expect.any(String), message: expect.any(String) } } })
  })
})
