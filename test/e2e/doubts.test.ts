import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CrmError } from '../../connectors/errors.ts'
import { deleteRecord } from '../../sync/edit.ts'
import { decideFrozen } from '../../sync/frozen.ts'
import { redescribe } from '../../sync/remap.ts'
import { closeDatabase, Harness } from '../support/harness.ts'

/** What a CRM leaves open is not guessed: short pages, hidden rows, answers that never came. */

let h: Harness
beforeEach(async () => {
  h = await Harness.start()
})
afterEach(() => h.stop())
afterAll(closeDatabase)

const linkedAccount = async (fields: Record<string, unknown> = {}) => {
  const account = await h.createAccount({ Name: 'Alder Works', Website: 'alder.example.com', Phone: '+4930111', ...fields })
  await h.sync()
  return { account, company: (await h.twinOf(account, 'hubspot'))! }
}
const company = async (id: string) => (await h.hs('GET', `/crm/v3/objects/companies/${id}?properties=name,phone`)).status

describe('pages of Salesforce that are shorter than asked for', () => {
  test('are read to their end, in lists, in polls and by id: nobody takes the rest for deleted', async () => {
    h.sandbox.world.configure({ salesforcePageRows: 7 })
    for (let i = 0; i < 20; i++) await h.createAccount({ Name: `Alder ${i}`, Website: `alder${i}.example.com` })
    await h.sync()
    expect(await h.query(`select count(*) as n from record where deleted_at is null`)).toEqual([{ n: 20 }])
    for (let i = 20; i < 40; i++) await h.createAccount({ Name: `Birch ${i}`, Website: `birch${i}.example.com` })
    await h.sync()
    await h.query(
      `insert into inbox (connection_id, object, external_id, reason) select connection_id, object, external_id, 'test' from link where object = 'Account' returning 1`,
    )
    await h.scan()
    expect(await h.query(`select count(*) as n from record where deleted_at is null`)).toEqual([{ n: 40 }])
    expect(await h.verify()).toMatchObject({ unexplained: 0 })
  })
})

describe('a row that is hidden from the integration user', () => {
  test('is left alone, told, and goes on once it is seen again', async () => {
    const { account, company: id } = await linkedAccount()
    h.sandbox.world.configure({ salesforceHiddenRows: [account] })
    await h.scan()
    expect(await company(id)).toBe(200)
    expect(await h.query(`select deleted_at from record`)).toEqual([{ deleted_at: null }])
    expect(await h.query(`select code from finding where code = 'row_unseen'`)).toHaveLength(1)
    await h.hs('PATCH', `/crm/v3/objects/companies/${id}`, { properties: { phone: '+4930222' } })
    await h.sync()
    expect((await h.account(account)).Phone).toBe('+4930111')
    h.sandbox.world.configure({ salesforceHiddenRows: [] })
    await h.scan()
    expect((await h.account(account)).Phone).toBe('+4930222')
    expect(await h.verify()).toMatchObject({ differences: 0 })
  })
})

describe('a row that was hidden while its record was deleted', () => {
  test('is a question when it is seen again: it is neither forgotten nor deleted by itself', async () => {
    const { account } = await linkedAccount()
    h.sandbox.world.configure({ salesforceHiddenRows: [account] })
    await h.scan()
    const [record] = await h.query<{ id: string }>('select id from record')
    await h.tx((tx) => deleteRecord(tx, record!.id, undefined))
    await h.sync()
    h.sandbox.world.configure({ salesforceHiddenRows: [] })
    await h.scan()
    expect((await h.account(account)).Name).toBe('Alder Works')
    expect(await h.query('select frozen_as as "as" from record')).toEqual([{ as: 'restored' }])
    await h.tx((tx) => decideFrozen(tx, h.engine, record!.id, 'delete'))
    await h.sync()
    expect(h.sandbox.world.counts()).toMatchObject({ salesforce: { Account: 0 }, hubspot: { companies: 0 } })
    expect(await h.verify()).toMatchObject({ differences: 0 })
  })
})

describe('a write without an answer', () => {
  test('does not hide what a person wrote after it', async () => {
    const { account, company: id } = await linkedAccount()
    await h.sf('PATCH', `/sobjects/Account/${account}`, { Phone: '+4930222' })
    await h.control('/faults', {
      faults: [{ crm: 'hubspot', method: 'POST', path: 'batch/update', times: 1, action: 'drop_after' }],
    })
    await h.sync().catch(() => undefined)
    await h.hs('PATCH', `/crm/v3/objects/companies/${id}`, { properties: { phone: '+4930333' } })
    await h.sync()
    expect((await h.object('companies', id, ['phone'])).phone).toBe('+4930333')
    const [open] = await h.query<{ sides: { value: string }[] }>(`select sides from conflict where state = 'open'`)
    const agreed = (await h.account(account)).Phone === '+4930333'
    expect(agreed || open?.sides.some((s) => s.value === '+4930333')).toBe(true)
  })

  test('that made a row is looked up: no second one is made', async () => {
    await linkedAccount()
    h.sandbox.world.faults.set([{ crm: 'hubspot', method: 'POST', path: 'batch/create', times: 1, action: 'drop_after' }])
    await h.createAccount({ Name: 'Birch Foods', Website: 'birch.example.com' })
    await h.sync().catch(() => undefined)
    await h.sync()
    const { results } = (await h.hs('GET', '/crm/v3/objects/companies?limit=100&properties=name')).body
    expect(results.filter((r: { properties: { name: string } }) => r.properties.name === 'Birch Foods')).toHaveLength(1)
  })

  test('that made a row which a person deleted since is that delete, and nothing is made again', async () => {
    const { connector } = h.engine.runtimes[1]!
    const create = connector.create.bind(connector)
    connector.create = async (request) => {
      const made = await create(request)
      for (const o of made) if (o.ok) await h.hs('DELETE', `/crm/v3/objects/companies/${o.id}`)
      connector.create = create
      throw new CrmError('unknown_outcome', 'no answer')
    }
    const account = await h.createAccount({ Name: 'Alder Works', Website: 'alder.example.com' })
    await h.sync().catch(() => undefined)
    await h.sync()
    expect((await h.hs('GET', '/crm/v3/objects/companies?limit=100')).body.results).toEqual([])
    expect((await h.sf('GET', `/sobjects/Account/${account}`)).status).toBe(404)
  })
})

describe('a field that a filter needs', () => {
  test('and that goes, lets the object rest: no partner becomes an account by it', async () => {
    await h.createAccount({ Name: 'Osprey Partners', Website: 'osprey.example.com', Type: 'Technology Partner' })
    await h.sync()
    const rt = h.engine.runtimes[0]!
    const states = () => h.query(`select entity, state from link order by entity, state`)
    const before = await states()
    await h.control('/salesforce/fields', { object: 'Account', hidden: ['Type'] })
    await expect(h.sync()).rejects.toMatchObject({ class: 'unknown_field' })
    await redescribe(h.engine, rt)
    await h.sync()
    expect(rt.objects).not.toContain('Account')
    expect(await states()).toEqual(before)
    expect(await h.query(`select subject from finding where code = 'object_suspended'`)).toEqual([{ subject: 'Account' }])
    await h.control('/salesforce/fields', { object: 'Account', lines: ['Type picklist [Technology Partner|Other]'] })
    await redescribe(h.engine, rt)
    expect(rt.objects).toContain('Account')
  })
})

describe('a field that Salesforce stops to show', () => {
  test('is left out with one finding, the others flow, and it is compared again when it returns', async () => {
    const { account, company: id } = await linkedAccount()
    const rt = h.engine.runtimes[0]!
    await h.control('/salesforce/fields', { object: 'Account', hidden: ['Phone'] })
    await expect(h.sync()).rejects.toMatchObject({ class: 'unknown_field' })
    await redescribe(h.engine, rt)
    await h.hs('PATCH', `/crm/v3/objects/companies/${id}`, {
      properties: { phone: '+4930222', city: 'Berlin', country: 'Germany' },
    })
    await h.sync()
    expect(await h.account(account)).toMatchObject({ BillingCity: 'Berlin' })
    expect(await h.query(`select subject from finding where code = 'field_missing' and subject = 'account.phone'`)).toHaveLength(
      1,
    )
    expect((await h.object('companies', id, ['phone'])).phone).toBe('+4930222')
    await h.control('/salesforce/fields', { object: 'Account', lines: ['Phone phone(40)'] })
    await h.scan()
    await h.sync()
    expect(await h.account(account)).toMatchObject({ Phone: '+4930222' })
    expect(await h.query(`select subject from finding where code = 'field_missing' and subject = 'account.phone'`)).toEqual([])
  })
})
