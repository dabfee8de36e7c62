import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { SMTPServer } from 'smtp-server'
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import { channelsOf } from '../../src/channels.ts'
import { readConfig } from '../../src/config.ts'
import * as registrations from '../../store/registrations.ts'
import { checkDuplicates } from '../../sync/duplicates/check.ts'
import { createRecord } from '../../sync/edit.ts'
import { decide } from '../../sync/registrations/decide.ts'
import { type Channels, deliver, signEvent } from '../../sync/registrations/deliver.ts'
import { submit } from '../../sync/registrations/submit.ts'
import { closeDatabase, Harness } from '../support/harness.ts'

/** Notifications reach people as tasks, e-mails and events: once each. */

const SECRET = 'a secret that is long enough'
let h: Harness
let mails: { to: string; text: string }[]
let events: { signature: string; timestamp: string; body: string }[]
let status: number
let smtp: SMTPServer
let receiver: Server
let channels: Channels

beforeEach(async () => {
  h = await Harness.start()
  ;[mails, events, status] = [[], [], 204]
  smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, session, done) {
      void text(stream).then((body) => {
        mails.push({ to: session.envelope.rcptTo.map((r) => r.address).join(), text: body.replaceAll(/=\r?\n/g, '') })
        done()
      })
    },
  })
  await new Promise<void>((done) => smtp.listen(0, '127.0.0.1', done))
  receiver = createServer(async (request, response) => {
    const body = await text(request)
    if (status < 300)
      events.push({
        signature: String(request.headers['x-concordat-signature']),
        timestamp: String(request.headers['x-concordat-timestamp']),
        body,
      })
    response.writeHead(status).end()
  })
  await new Promise<void>((done) => receiver.listen(0, '127.0.0.1', done))
  const port = (s: { address(): unknown }) => (s.address() as AddressInfo).port
  channels = channelsOf(
    readConfig({
      SMTP_URL: `smtp://127.0.0.1:${port(smtp.server)}`,
      SMTP_FROM: 'concordat@vendor.example',
      EVENTS_URL: `http://127.0.0.1:${port(receiver)}/in`,
      EVENTS_SECRET: SECRET,
    }),
    () => 'https://sync.vendor.example',
  )
})
afterEach(async () => {
  await new Promise<void>((done) => smtp.close(done))
  await new Promise((done) => receiver.close(done))
  await h.stop()
})
afterAll(closeDatabase)

const NORA = 'nora.quinn@concordat-demo.example'
const publish = (yaml: string) => h.tx((tx) => registrations.putRules(tx, yaml, 'admin'))

async function register() {
  const partner = await h.tx((tx) => createRecord(tx, h.engine, 'partner', { name: 'Blue Peak', manager: NORA }))
  return submit(h.engine, {
    partner,
    submittedBy: 'sal@bluepeak.example',
    accountName: 'Heron Robotics',
    accountDomain: 'heronrobotics.com',
    product: 'Suite 2',
  })
}
const states = async () =>
  (
    await h.query<{ kind: string; channel: string; state: string }>(
      'select n.kind, d.channel, d.state from delivery d join notification n on n.id = d.notification_id order by n.id, d.channel',
    )
  ).map((d) => `${d.kind} ${d.channel} ${d.state}`)

test('who decides gets an e-mail, a task on the account, and an event that is signed; each once', async () => {
  const account = await h.createAccount({ Name: 'Heron Robotics', Website: 'heronrobotics.com' })
  await h.sf('POST', '/sobjects/Opportunity', {
    Name: 'Direct',
    AccountId: account,
    StageName: 'Prospecting',
    CloseDate: '2027-01-31',
  })
  await h.sync()
  while ((await checkDuplicates(h.engine)).looked > 0);
  const id = await register()
  for (let i = 0; i < 2; i++) await deliver(h.engine, channels)
  expect(await states()).toEqual(['decision_needed email sent', 'decision_needed event sent', 'decision_needed task sent'])
  expect(mails).toEqual([{ to: NORA, text: expect.stringContaining(`https://sync.vendor.example/api/v1/registrations/${id}`) }])
  const [event] = events
  expect(events).toHaveLength(1)
  expect(event!.signature).toBe(signEvent(SECRET, event!.timestamp, event!.body))
  const tasks = (await h.sf('GET', `/query?q=${encodeURIComponent('SELECT Subject, WhatId, OwnerId FROM Task')}`)).body.records
  expect(tasks).toMatchObject([{ Subject: expect.stringContaining('Decision needed: Heron Robotics') }])
})

test('the partner is told of the decision, in words that tell nothing of others', async () => {
  await publish('notify:\n  channels: { task: false, email: true, event: false }\n')
  const id = await register()
  await decide(h.engine, id, { to: 'rejected', role: 'manager', by: 'nora', why: 'we sell there ourselves, to Secret Corp' })
  await deliver(h.engine, channels)
  expect(mails.map((m) => m.to)).toEqual([NORA, 'sal@bluepeak.example'])
  expect(mails[1]!.text).toContain('It was not accepted')
  expect(mails[1]!.text).not.toContain('Secret Corp')
})

test('a channel that is off or not set up sends nothing, and a receiver that is down is tried again', async () => {
  await publish('notify:\n  channels: { task: false, email: true, event: true }\n')
  await register()
  const { email: _, ...withoutMail } = channels
  status = 503
  await deliver(h.engine, withoutMail)
  expect(await states()).toEqual(['decision_needed email skipped', 'decision_needed event waiting'])
  status = 204
  await h.query(`update delivery set not_before = '-infinity' returning 1`)
  await deliver(h.engine, withoutMail)
  expect(await states()).toEqual(['decision_needed email skipped', 'decision_needed event sent'])
})

test('in quiet hours nothing is sent; it waits until they are over', async () => {
  const hour = new Date().getUTCHours()
  const at = (n: number) => `"${String((hour + n + 24) % 24).padStart(2, '0')}:00"`
  await publish(`notify:\n  quiet: [${at(0)}, ${at(2)}]\n`)
  await register()
  await deliver(h.engine, channels)
  expect(mails).toEqual([])
  expect((await states()).every((s) => s.endsWith('waiting'))).toBe(true)
})

test('a process that died while it sent is not followed by another that sends again', async () => {
  await publish('notify:\n  channels: { task: false, email: true, event: false }\n')
  await register()
  await deliver(h.engine, { ...channels, email: () => Promise.reject(new Error('cut off')) })
  await h.query(`update delivery set state = 'sending', at = now() - interval '1 hour' returning 1`)
  await deliver(h.engine, channels)
  expect(await states()).toEqual(['decision_needed email unknown'])
  expect(mails).toEqual([])
})
