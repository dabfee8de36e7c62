import type { Census } from '../census.ts'
import { compareNames } from '../name.ts'
import type { Subject } from '../subject.ts'
import type { Found } from './finding.ts'

/** What words that only one name has take away, and words that are set against each other. */
const LACKED_BY_ONE = 0.3
const LACKED_AT_MOST = 6
const AGAINST_EACH_OTHER = 0.7

/** A country that only one name says. */
const ONE_COUNTRY = 3

/** The names of two companies, sites or products; the legal form is evidence of its own. */
export function compareNamed(a: Subject, b: Subject, census: Census): Found[] {
  if (!a.name || !b.name) return []
  const c = compareNames(a.name, b.name, census)
  const found: Found[] = c.forms === 'unknown' ? [] : [{ comparison: 'legalForm', level: c.forms, bits: 0 }]
  if (c.otherNumber) return [{ comparison: 'name', level: 'other number', bits: c.shared }, ...found]
  if (c.otherCountry === 'both') return [{ comparison: 'name', level: 'other country', bits: c.shared }, ...found]
  const bits =
    c.shared -
    (c.otherCountry === 'one' ? ONE_COUNTRY : 0) -
    Math.min(LACKED_BY_ONE * (c.more - c.less), LACKED_AT_MOST) -
    AGAINST_EACH_OTHER * (c.less * 2)
  if (bits > 0) return [{ comparison: 'name', level: c.level, bits }, ...found]
  return [{ comparison: 'name', level: c.level === 'contained' ? 'part' : 'different', bits: 0 }, ...found]
}
