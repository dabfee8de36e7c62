import type { Census } from '../census.ts'
import { samePhone } from '../contact-points.ts'
import { edits } from '../strings.ts'
import type { Subject } from '../subject.ts'
import type { Finding, Found } from './finding.ts'
import { compareStreets } from './places.ts'

/** Phone numbers, web domains and e-mail addresses. */
export function compareContactPoints(a: Subject, b: Subject, census: Census): Found[] {
  const found: Found[] = []
  const add = (comparison: Found['comparison'], finding: Finding | undefined) => finding && found.push({ comparison, ...finding })
  add('phone', phone(a, b, census))
  add('domain', domain(a, b, census))
  add('mailbox', mailbox(a, b, census))
  add('email', email(a, b, census))
  return found
}

function phone(a: Subject, b: Subject, census: Census): Finding | undefined {
  if (!a.phone || !b.phone) return undefined
  const level = samePhone(a.phone, b.phone)
  if (level === 'different') {
    const near = a.phone.length === b.phone.length && edits(a.phone, b.phone, 1) === 1
    return { level: near ? 'near' : 'different', bits: 0 }
  }
  const bits = census.bits('phone', a.phone.slice(-7))
  // Whatever stands at one address often shares a switchboard: the line says less there.
  const street = level === 'same' ? compareStreets(a, b, census)?.level : undefined
  return { level: street === 'same address' ? 'same, one address' : level, bits }
}

/** The domain of the web page or, where it is the company's own, of the e-mail address. */
function domain(a: Subject, b: Subject, census: Census): Finding | undefined {
  if (!a.domain || !b.domain || census.isCrowded(a.domain) || census.isCrowded(b.domain)) return undefined
  if (a.domain === b.domain) return { level: 'same', bits: census.bits('domain', a.domain) }
  return { level: a.domain.split('.')[0] === b.domain.split('.')[0] ? 'other ending' : 'different', bits: 0 }
}

function email(a: Subject, b: Subject, census: Census): Finding | undefined {
  if (!a.email || !b.email) return undefined
  if (a.email.address === b.email.address) return { level: 'same', bits: census.bits('email', a.email.address) }
  const [x, y] = [a.email, b.email]
  if (x.local === y.local) return { level: ROLES.has(x.local) ? 'different' : 'same name part', bits: 0 }
  // Two letters of a short name are the whole name.
  const allowed = Math.min(x.local.length, y.local.length) >= 5 ? 2 : 1
  if (edits(x.address, y.address, allowed) <= allowed) return { level: 'near', bits: 0 }
  if (x.domain === y.domain && a.domain && edits(x.local, y.local, 3) <= 3) return { level: 'near', bits: 0 }
  return { level: a.domain && x.domain === y.domain ? 'same domain' : 'different', bits: 0 }
}

/** Mailboxes that every company has. */
const ROLES = new Set('info sales office contact admin support hello mail service team kontakt buchhaltung post'.split(' '))

/** One mailbox, whoever's: the address of a free provider tells a person, and so the account, as well as another. */
const mailbox = (a: Subject, b: Subject, census: Census): Finding | undefined =>
  a.email && b.email && a.email.address === b.email.address
    ? { level: 'same', bits: census.bits('email', a.email.address) }
    : undefined
