import { Hono } from 'hono'
import type { z } from 'zod'
import type { Database } from '../store/database.ts'
import { touchInbox } from '../store/queues.ts'
import { eventsSchema, touchedBy } from './hubspot/events.ts'
import { isSigned } from './hubspot/signature.ts'

/** What the webhooks need of the rest; sync is not imported here, src hands it over. */
export interface WebhookTarget {
  db: Database
  workspace: string
  /** The HubSpot connections that may deliver here. */
  hubspot: () => { id: string; portal: string; clientSecret: string; objects: string[] }[]
  /** The address HubSpot signs: scheme, host and port as it sees them. */
  publicUrl: () => string
  nudge: (connectionId: string) => void
  queueMatchCheck: () => void
}

/** Keeps an inbox row for each record that events speak of; answers how many events were about ours. */
export async function takeEvents(
  { db, workspace }: Pick<WebhookTarget, 'db' | 'workspace'>,
  connection: { id: string; portal: string; objects: string[] },
  all: z.infer<typeof eventsSchema>,
): Promise<{ ours: number; newOrChanged: boolean }> {
  // One app may deliver for several portals: what is about another one is not ours.
  const { touched, newOrChanged } = touchedBy(
    all.filter((e) => e.portalId === undefined || String(e.portalId) === connection.portal),
  )
  const ours = touched.filter((t) => connection.objects.includes(t.object))
  const [programs, people] = [ours.filter((t) => t.byProgram), ours.filter((t) => !t.byProgram)]
  await db.transaction(workspace, async (tx) => {
    await touchInbox(tx, connection.id, people, 'a webhook')
    await touchInbox(tx, connection.id, programs, 'a webhook', ANSWER_MS)
  })
  return { ours: ours.length, newOrChanged }
}

const MAX_BODY = 1_000_000

/** By then the answer to a write of ours has come, and its webhook says nothing new. */
const ANSWER_MS = 2_000

/**
 * Takes CRM webhooks: checks the signature, keeps one inbox row per record, and answers 200 only once they
 * are committed. What an event says is never believed; the record is read.
 */
export function webhookApp(target: WebhookTarget): Hono {
  const app = new Hono()
  app.post('/hubspot', async (c) => {
    const body = await c.req.text()
    if (body.length > MAX_BODY) return c.json({ error: 'the body is larger than 1 MB' }, 413)
    const url = new URL(c.req.url)
    const request = {
      method: 'POST',
      uri: `${target.publicUrl()}${url.pathname}${url.search}`,
      body,
      signature: c.req.header('x-hubspot-signature-v3'),
      timestamp: c.req.header('x-hubspot-request-timestamp'),
    }
    const connection = target.hubspot().find((h) => isSigned(h.clientSecret, request, Date.now()))
    if (!connection) return c.json({ error: 'the signature is missing, wrong or too old' }, 401)
    let parsed: ReturnType<typeof eventsSchema.safeParse>
    try {
      parsed = eventsSchema.safeParse(JSON.parse(body))
    } catch {
      return c.json({ error: 'the body is no JSON' }, 400)
    }
    if (!parsed.success) return c.json({ error: `the body is no list of events: ${parsed.error.issues[0]?.message}` }, 400)
    const { ours, newOrChanged } = await takeEvents(target, connection, parsed.data)
    if (ours > 0) target.nudge(connection.id)
    if (newOrChanged) target.queueMatchCheck()
    return c.json({ accepted: ours })
  })
  return app
}
