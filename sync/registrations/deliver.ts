import { createHmac } from 'node:crypto'
import { CrmError } from '../../connectors/errors.ts'
import * as links from '../../store/links.ts'
import * as notifications from '../../store/notifications.ts'
import { type Engine, inTransaction, pausedScopes, writesEnabled } from '../engine.ts'

/** Carries notifications to people: a task in their CRM, an e-mail, an event to another system. */

/** How e-mails and events leave; what is not set up is not there. */
export interface Channels {
  email?: (to: string, subject: string, text: string) => Promise<void>
  event?: (payload: Record<string, unknown>) => Promise<void>
  /** Where the links in messages begin. */
  publicUrl: () => string
}

const BATCH = 50
/** Whoever took a delivery and has not ended it after this is gone. */
const GONE_MS = 10 * 60_000
const LATER_MS = 60_000
const MOST_ATTEMPTS = 20
const DAY_MS = 86_400_000

/**
 * One turn. A delivery is taken before it is sent, and ended after: one of which nobody knows whether it was sent is not
 * sent again, for nothing is said twice.
 */
export async function deliver(engine: Engine, channels: Channels): Promise<number> {
  const due = await inTransaction(engine, async (tx) => {
    await notifications.giveUpSending(tx, GONE_MS)
    return notifications.takeDeliveries(tx, BATCH)
  })
  for (const d of due) {
    const ended = await attempt(engine, channels, d)
    const over = ended.state === 'waiting' && d.attempts >= MOST_ATTEMPTS
    await inTransaction(engine, (tx) =>
      notifications.endDelivery(tx, d.id, d.channel, over ? { state: 'failed', error: ended.error } : ended),
    )
  }
  return due.length
}

async function attempt(engine: Engine, channels: Channels, d: notifications.DueDelivery): Promise<notifications.Delivered> {
  const link = `${channels.publicUrl()}${d.link}`
  try {
    if (d.channel === 'task') return await putTask(engine, d, link)
    if (d.channel === 'email') {
      if (!channels.email) return { state: 'skipped', error: 'no mail server is set up' }
      await channels.email(d.addressee, d.subject, `${d.body}\n\n${link}\n`)
      return { state: 'sent' }
    }
    if (!channels.event) return { state: 'skipped', error: 'no receiver of events is set up' }
    await channels.event({
      id: d.id,
      kind: d.kind,
      registration: d.recordId,
      addressee: d.addressee,
      subject: d.subject,
      text: d.body,
      link,
      at: d.at.toISOString(),
    })
    return { state: 'sent' }
  } catch (error) {
    const message = (error as Error).message
    if (error instanceof NotSent || (error instanceof CrmError && error.class !== 'unknown_outcome'))
      return { state: 'waiting', error: message, delayMs: LATER_MS * 2 ** Math.min(d.attempts, 6) }
    return { state: 'unknown', error: message }
  }
}

/** It was not sent, for certain: it may be tried again. */
export class NotSent extends Error {}

/** A task lies on the deal or account, in the CRM where its addressee works. */
async function putTask(engine: Engine, d: notifications.DueDelivery, link: string): Promise<notifications.Delivered> {
  if (!d.about) return { state: 'skipped', error: 'there is no deal or account yet to put a task on' }
  const rows = await inTransaction(engine, (tx) => links.linksOfRecords(tx, [d.about!]))
  const places = engine.runtimes.flatMap((rt) => {
    const row = rows.find((l) => l.connectionId === rt.id && l.state === 'live' && l.externalId !== null)
    const owner = rt.users.userOf(d.addressee)
    return row ? [{ rt, row, owner: owner?.active ? owner.id : undefined }] : []
  })
  const place = places.find((p) => p.owner) ?? places[0]
  if (!place) {
    const coming = rows.some((l) => l.state === 'creating')
    return coming
      ? { state: 'waiting', error: 'its row is just being made', delayMs: LATER_MS }
      : { state: 'skipped', error: 'the deal or account has no row in a CRM' }
  }
  const { rt, row, owner } = place
  const free = await inTransaction(
    engine,
    async (tx) => (await writesEnabled(tx, rt.id)) && !isPaused(await pausedScopes(tx), rt.name),
  )
  if (!free) return { state: 'waiting', error: `writing to ${rt.name} is held`, delayMs: LATER_MS }
  const externalId = await rt.connector.task({
    object: row.object,
    id: row.externalId!,
    subject: d.subject,
    body: `${d.body}\n${link}`,
    owner,
    due: d.at.getTime() + DAY_MS,
  })
  return { state: 'sent', externalId, connectionId: rt.id }
}

const isPaused = (scopes: ReadonlySet<string>, name: string) => scopes.has('all') || scopes.has(name)

/** An event is signed over its body, so that its receiver knows who sent it: HMAC-SHA-256, in hex. */
export const signEvent = (secret: string, timestamp: string, body: string): string =>
  createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')
