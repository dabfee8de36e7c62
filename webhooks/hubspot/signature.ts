import { createHmac, timingSafeEqual } from 'node:crypto'

/** HubSpot's v3 request signature, over the raw body. Documentation: "Validating requests". */

/** Older requests are refused: a recorded one cannot be played again. */
const MAX_AGE_MS = 5 * 60_000
/** A sender's clock may be a little ahead of ours, not more. */
const MAX_AHEAD_MS = 60_000

/** The only escapes that are decoded before signing; the `?` that begins the query stays as it is. */
const DECODED: Record<string, string> = {
  '%3A': ':',
  '%2F': '/',
  '%3F': '?',
  '%40': '@',
  '%21': '!',
  '%24': '$',
  '%27': "'",
  '%28': '(',
  '%29': ')',
  '%2A': '*',
  '%2C': ',',
  '%3B': ';',
}

export interface SignedRequest {
  method: string
  /** The full public address, with query. */
  uri: string
  body: string
  signature: string | undefined
  timestamp: string | undefined
}

/** The signature of a request. */
export function signV3(secret: string, method: string, uri: string, body: string, timestamp: string): string {
  const decoded = uri.replace(/%[0-9A-Fa-f]{2}/g, (code) => DECODED[code.toUpperCase()] ?? code)
  return createHmac('sha256', secret).update(`${method}${decoded}${body}${timestamp}`, 'utf8').digest('base64')
}

/** Whether a request comes from HubSpot and is fresh. Compares in constant time. */
export function isSigned(secret: string, request: SignedRequest, now: number): boolean {
  const { signature, timestamp } = request
  if (!signature || !timestamp || !/^\d{1,16}$/.test(timestamp)) return false
  const age = now - Number(timestamp)
  if (age > MAX_AGE_MS || age < -MAX_AHEAD_MS) return false
  const expected = Buffer.from(signV3(secret, request.method, request.uri, request.body, timestamp))
  const given = Buffer.from(signature)
  return given.length === expected.length && timingSafeEqual(given, expected)
}
