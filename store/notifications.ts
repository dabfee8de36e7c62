import { sql } from 'kysely'
import { json, rows, type Tx } from './database.ts'

/** Who is to be told what, and how far that is. */

export const CHANNELS = ['task', 'email', 'event'] as const
export type Channel = (typeof CHANNELS)[number]

export interface NewNotification {
  id: string
  /** What makes it the only one of its sort: the same thing is never said twice. */
  once: string
  kind: string
  /** An e-mail address. */
  addressee: string
  recordId: string
  /** The deal or account on which a task is put. */
  about: string | null
  subject: string
  body: string
  link: string
}

/** Notes them, with a delivery for each channel. One that was noted before is left. */
export async function insertNotifications(
  tx: Tx,
  notifications: readonly NewNotification[],
  channels: readonly Channel[],
  notBefore: number,
): Promise<void> {
  if (notifications.length === 0) return
  await sql`with made as (
      insert into notification (id, once, kind, addressee, record_id, about, subject, body, link)
      select r.id, r.once, r.kind, r.addressee, r."recordId", r.about, r.subject, r.body, r.link
      from jsonb_to_recordset(${json(notifications)}) as r(id uuid, once text, kind text, addressee text, "recordId" uuid, about uuid, subject text, body text, link text)
      on conflict (workspace_id, once) do nothing returning id)
    insert into delivery (notification_id, channel, state, not_before)
    select made.id, c.channel, 'waiting', to_timestamp(${notBefore} / 1000.0) from made, unnest(${[...channels]}::text[]) as c(channel)`.execute(
    tx,
  )
}

export interface DueDelivery extends NewNotification {
  channel: Channel
  attempts: number
  at: Date
}

/** Takes deliveries whose time has come: from now on each is being sent, by whoever took it, once. */
export const takeDeliveries = (tx: Tx, limit: number) =>
  rows(
    tx,
    sql<DueDelivery>`with due as (
      select notification_id, channel from delivery where state = 'waiting' and not_before <= clock_timestamp() order by not_before limit ${limit} for update skip locked)
    update delivery d set state = 'sending', attempts = attempts + 1, at = clock_timestamp() from due, notification n
      where d.notification_id = due.notification_id and d.channel = due.channel and n.id = d.notification_id
      returning n.id, n.once, n.kind, n.addressee, n.record_id as "recordId", n.about, n.subject, n.body, n.link, n.at, d.channel, d.attempts`,
  )

export type Delivered =
  | { state: 'sent'; externalId?: string | undefined; connectionId?: string | undefined }
  | { state: 'skipped' | 'failed' | 'unknown'; error: string }
  /** Nothing was sent for certain: it is tried again. */
  | { state: 'waiting'; error: string; delayMs: number }

export async function endDelivery(tx: Tx, id: string, channel: Channel, d: Delivered): Promise<void> {
  const [error, delay] = ['error' in d ? d.error : null, 'delayMs' in d ? d.delayMs : 0]
  const [external, connection] = d.state === 'sent' ? [d.externalId ?? null, d.connectionId ?? null] : [null, null]
  await sql`update delivery set state = ${d.state}, error = ${error}, external_id = ${external}, connection_id = ${connection}, not_before = clock_timestamp() + ${delay} * interval '1 millisecond'
    where notification_id = ${id} and channel = ${channel}`.execute(tx)
}

/** A process that died while it sent: whether it was sent nobody knows, and nothing is said twice. */
export async function giveUpSending(tx: Tx, olderThanMs: number): Promise<void> {
  await sql`update delivery set state = 'unknown', error = 'the process that sent it ended before it knew' where state = 'sending' and at < clock_timestamp() - ${olderThanMs} * interval '1 millisecond'`.execute(
    tx,
  )
}

export const listNotifications = (tx: Tx, { limit, cursor }: { limit: number; cursor?: string | undefined }) =>
  rows(
    tx,
    sql<Record<string, unknown>>`select n.id, n.kind, n.addressee, n.record_id as "recordId", n.subject, n.link, n.at,
      (select jsonb_object_agg(d.channel, jsonb_build_object('state', d.state, 'error', d.error, 'externalId', d.external_id)) from delivery d where d.notification_id = n.id) as deliveries
    from notification n where true ${cursor ? sql`and n.id < ${cursor}` : sql``} order by n.id desc limit ${limit}`,
  )
