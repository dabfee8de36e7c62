import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import { closeDatabase, Harness } from '../support/harness.ts'

/** Content that no record can hold: told, to whom it belongs, and nothing else stops. */

let h: Harness
beforeEach(async () => {
  h = await Harness.start()
})
afterEach(() => h.stop())
afterAll(closeDatabase)

test('text with NUL or half an emoji stops nobody: it is kept with a replacement character', async () => {
  const broken = await h.createCompany({ name: 'Broken \ud83d name\u0000', domain: 'broken.example.com' })
  const fine = await h.createCompany({ name: 'Fine', domain: 'fine.example.com' })
  await h.sync()
  expect((await h.account((await h.twinOf(fine, 'salesforce'))!)).Name).toBe('Fine')
  expect((await h.account((await h.twinOf(broken, 'salesforce'))!)).Name).toContain('Broken \ufffd name')
  expect(await h.verify()).toMatchObject({ unexplained: 0 })
})

test('a name that is too long for the other side is reported as that, and the other records are made', async () => {
  await h.hs('POST', '/crm/v3/objects/deals', {
    properties: { dealname: 'x'.repeat(300), dealstage: 'appointmentscheduled', pipeline: 'default', closedate: '2027-03-01' },
  })
  await h.createCompany({ name: 'Other', domain: 'other.example.com' })
  await h.sync()
  const letters = await h.query<{ field: string; message: string }>('select field, message from dead_letter')
  expect(letters).toEqual([
    expect.objectContaining({ field: 'name', message: expect.stringContaining('300 characters do not fit') }),
  ])
  expect(await h.query(`select 1 from link where object = 'Account' and state = 'live'`)).toHaveLength(1)
})
