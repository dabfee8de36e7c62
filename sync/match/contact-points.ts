import freeMail from 'email-providers/common.json' with { type: 'json' }
import { getDomain, getHostname } from 'tldts'

/** Phone numbers, e-mail addresses and web addresses, ready to be compared. */

const FREE = new Set<string>(freeMail)
/** Hosts on which many companies have a page: sharing one says nothing. */
const SHARED_HOSTS = new Set(
  'facebook.com instagram.com twitter.com x.com linkedin.com youtube.com myspace.com yelp.com foursquare.com google.com opentable.com tripadvisor.com wordpress.com blogspot.com tumblr.com wixsite.com weebly.com squarespace.com menupages.com grubhub.com seamless.com example.com'.split(
    ' ',
  ),
)

/** Whether a domain is a mail provider's or a platform's, and so no company's own. */
export const isSharedDomain = (domain: string): boolean => FREE.has(domain) || SHARED_HOSTS.has(domain)

/** The digits that tell one line from another: without the prefix of the country, at most ten. */
export function phoneDigits(text: string): string | undefined {
  const digits = text
    .replace(/\(0\)/, '')
    .replace(/;?\s*(?:ext|x|extension)\.?\s*[=:]?\s*\d+\s*$/i, '')
    .replace(/\D/g, '')
  return digits.length >= 6 ? digits.replace(/^0+/, '').slice(-10) : undefined
}

/** Whether two numbers are one line. A number without its area code is told by its last seven digits. */
export function samePhone(a: string, b: string): 'same' | 'local' | 'different' {
  if (a === b) return 'same'
  const shorter = Math.min(a.length, b.length)
  if (shorter >= 8 && a.slice(-shorter) === b.slice(-shorter)) return 'same'
  return shorter >= 7 && shorter < 10 && a.slice(-7) === b.slice(-7) ? 'local' : 'different'
}

/** The registrable domain of a web address or host name. */
export function webDomain(text: string): string | undefined {
  const host = getHostname(text.trim().toLowerCase(), { allowPrivateDomains: true })
  return (host && getDomain(host, { allowPrivateDomains: true })) ?? undefined
}

export interface Email {
  address: string
  local: string
  domain: string
}

/** An e-mail address without case and "+tag"; undefined where there is none in the text. */
export function parseEmail(text: string): Email | undefined {
  const [, name, host] = /^\s*([^\s@]+)@([^\s@]+)\s*$/.exec(text.toLowerCase()) ?? []
  if (!name || !host) return undefined
  const local = name.replace(/\+.*$/, '')
  return { address: `${local}@${host}`, local, domain: getDomain(host, { allowPrivateDomains: true }) ?? host }
}
