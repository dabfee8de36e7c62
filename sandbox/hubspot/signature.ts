import { createHash, createHmac } from 'node:crypto'

/** The three ways in which HubSpot signs what it sends: v1 and v2 hash, v3 authenticates and dates. */

export interface Signed {
  secret: string
  method: string
  uri: string
  body: string
  /** Milliseconds, as the header carries them. */
  timestamp: string
}

const sha256 = (text: string) => createHash('sha256').update(text, 'utf8').digest('hex')

export const signatures: Record<'v1' | 'v2' | 'v3', (s: Signed) => string> = {
  v1: ({ secret, body }) => sha256(secret + body),
  v2: ({ secret, method, uri, body }) => sha256(secret + method + uri + body),
  v3: ({ secret, method, uri, body, timestamp }) =>
    createHmac('sha256', secret)
      .update(method + uri + body + timestamp, 'utf8')
      .digest('base64'),
}
