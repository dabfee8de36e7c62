import { createTransport } from 'nodemailer'
import { type Channels, NotSent, signEvent } from '../sync/registrations/deliver.ts'
import type { Config } from './config.ts'

/** How notifications leave: over SMTP, and as signed events to an address that an admin gave. */

const TIMEOUT_MS = 15_000

export function channelsOf(config: Config, publicUrl: () => string): Channels {
  const { mail, events } = config
  return {
    publicUrl,
    ...(mail && { email: emailOver(mail) }),
    ...(events && { event: eventTo(events) }),
  }
}

function emailOver({ url, from }: NonNullable<Config['mail']>): NonNullable<Channels['email']> {
  const transport = createTransport({
    url,
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
  })
  return async (to, subject, text) => {
    try {
      await transport.sendMail({ from, to, subject, text })
    } catch (error) {
      const { code, responseCode } = error as { code?: string; responseCode?: number }
      // Refused, or never spoken to: nothing was sent. Cut off in the middle nobody knows.
      if (responseCode !== undefined || code === 'ECONNECTION' || code === 'EDNS' || code === 'EAUTH' || code === 'ESOCKET')
        throw new NotSent((error as Error).message)
      throw error
    }
  }
}

function eventTo({ url, secret }: NonNullable<Config['events']>): NonNullable<Channels['event']> {
  return async (payload) => {
    const body = JSON.stringify(payload)
    const timestamp = String(Date.now())
    const answer = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-concordat-timestamp': timestamp,
        'x-concordat-signature': signEvent(secret, timestamp, body),
      },
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).catch((error: Error) => {
      // An event carries its id: who gets it twice can tell.
      throw new NotSent((error.cause as Error | undefined)?.message ?? error.message)
    })
    await answer.body?.cancel()
    if (answer.status >= 300) throw new NotSent(`the receiver of events answered ${answer.status}`)
  }
}
