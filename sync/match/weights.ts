import type { WordLevel } from './person-name.ts'
import type { Kind, Weights, Worth } from './score.ts'

/** Agreement whole and plain: however common the value, it never speaks against. */
const agree = (m: number, share: number, most: number): Worth => ({ m, share, most, least: 0 })

const PLACE: Weights = {
  address: {
    'same address': agree(0.5, 0.8, 9),
    'same address, other area': { m: 0.08, share: 0.8, most: 8 },
    'same street': agree(0.08, 0.7, 7),
    'same street, other area': { m: 0.03, share: 0.6, most: 6 },
    'other number': { m: 0.04, u: 0.005 },
    'other number, other area': { m: 0.01, u: 0.005 },
    'house number': { m: 0.01, u: 0.005 },
    'house number, other area': { m: 0.01, u: 0.01 },
    'other street, same postcode': { m: 0.06, u: 0.03 },
    'other street, same city': { m: 0.08, u: 0.15 },
    'other street, other area': { m: 0.1, u: 0.8 },
    'other country': { m: 0.01, u: 0.5 },
  },
  street: {
    'same address': agree(0.5, 0.8, 9),
    'same street': agree(0.1, 0.7, 7),
    'other number': { m: 0.05, u: 0.01 },
    'house number': { m: 0.02, u: 0.01 },
    'other street': { m: 0.2, u: 0.98 },
  },
  area: {
    'same postcode': agree(0.6, 0.6, 6),
    'same city': agree(0.6, 0.6, 5),
    'other area': { m: 0.2, u: 0.9 },
    'other country': { m: 0.01, u: 0.5 },
  },
}

const FAMILY: Record<WordLevel, Worth> = {
  same: agree(0.7, 0.85, 10),
  near: { m: 0.2, share: 0.85, most: 10 },
  initial: { m: 0.02, u: 0.02 },
  far: { m: 0.03, u: 0.05 },
  different: { m: 0.05, u: 0.92 },
}
const GIVEN = FAMILY

/** Given and family name err apart from each other: what both say multiplies. */
function fullNames(): Record<string, Worth> {
  const out: Record<string, Worth> = { swapped: { m: 0.03, share: 0.85, most: 16 } }
  for (const [g, given] of Object.entries(GIVEN))
    for (const [f, family] of Object.entries(FAMILY)) {
      const m = given.m * family.m
      const u = ('u' in given ? given.u : 1) * ('u' in family ? family.u : 1)
      out[`${g} given, ${f} family`] =
        !('u' in given) || !('u' in family)
          ? { m: m / u, share: 0.85, most: 16, ...(g === 'same' && f === 'same' && { least: 0 }) }
          : { m, u }
    }
  return out
}

const COMPANY: Weights = {
  name: {
    same: agree(0.6, 1, 20),
    contained: { m: 0.15, share: 1, most: 18 },
    similar: { m: 0.12, share: 1, most: 18 },
    partly: { m: 0.06, share: 0.8, most: 8 },
    'other country': { m: 0.01, share: 0.5, most: 6 },
    'other number': { m: 0.01, share: 0.5, most: 6 },
    part: { m: 0.03, u: 0.02 },
    different: { m: 0.04, u: 0.95 },
  },
  legalForm: { same: { m: 0.85, u: 0.4 }, alike: { m: 0.1, u: 0.2 }, different: { m: 0.1, u: 0.4 } },
  ...PLACE,
  phone: {
    same: agree(0.6, 0.9, 9),
    'same, one address': agree(0.6, 0.7, 7),
    local: agree(0.2, 0.9, 9),
    near: { m: 0.03, u: 0.01 },
    different: { m: 0.2, u: 0.98 },
  },
  domain: { same: agree(0.6, 0.8, 8), 'other ending': { m: 0.1, u: 0.005 }, different: { m: 0.3, u: 0.98 } },
  identifier: { same: { m: 0.9, u: 0.0005 }, different: { m: 0.1, u: 0.9995 } },
  mailbox: { same: agree(0.5, 0.6, 6) },
}

/** The deals of an account are told by their account and by who is asked for there. */
const DEAL: Weights = { ...COMPANY, contact: { same: agree(0.6, 0.5, 7), different: { m: 0.4, u: 0.99 } } }

export const WEIGHTS: Record<Kind, Weights> = {
  company: COMPANY,
  deal: DEAL,
  person: {
    fullName: fullNames(),
    given: GIVEN,
    family: FAMILY,
    born: {
      same: agree(0.75, 1, 10),
      near: { m: 0.15, u: 0.005 },
      far: { m: 0.04, u: 0.03 },
      different: { m: 0.06, u: 0.96 },
    },
    ...PLACE,
    district: { same: agree(0.5, 0.7, 7), near: { m: 0.15, u: 0.01 }, different: { m: 0.4, u: 0.98 } },
    region: { same: { m: 0.85, u: 0.3 }, near: { m: 0.05, u: 0.05 }, different: { m: 0.1, u: 0.65 } },
    email: {
      same: agree(0.6, 1, 9),
      'same name part': { m: 0.1, u: 0.001 },
      near: { m: 0.15, u: 0.001 },
      'same domain': { m: 0.05, u: 0.01 },
      different: { m: 0.15, u: 0.98 },
    },
    phone: {
      same: agree(0.6, 0.9, 8),
      'same, one address': agree(0.6, 0.6, 6),
      local: agree(0.1, 0.9, 8),
      near: { m: 0.1, u: 0.01 },
      different: { m: 0.2, u: 0.98 },
    },
  },
  generic: {
    name: {
      same: agree(0.7, 1, 20),
      contained: { m: 0.1, share: 1, most: 20 },
      similar: { m: 0.12, share: 1, most: 20 },
      partly: { m: 0.04, share: 0.7, most: 8 },
      'other country': { m: 0.01, share: 0.5, most: 6 },
      'other number': { m: 0.01, share: 0.5, most: 6 },
      part: { m: 0.02, u: 0.02 },
      different: { m: 0.02, u: 0.95 },
    },
    people: {
      all: agree(0.7, 0.8, 10),
      contained: { m: 0.15, share: 0.7, most: 8 },
      half: { m: 0.08, share: 0.7, most: 8 },
      some: { m: 0.04, share: 0.5, most: 5 },
      none: { m: 0.03, u: 0.95 },
    },
    year: { same: { m: 0.9, u: 0.1 }, next: { m: 0.05, u: 0.15 }, different: { m: 0.05, u: 0.75 } },
    category: { same: { m: 0.6, u: 0.2 }, usual: { m: 0.6, u: 0.2 }, unknown: { m: 0.3, u: 0.5 }, against: { m: 0.03, u: 0.5 } },
    price: { same: { m: 0.4, u: 0.03 }, near: { m: 0.4, u: 0.2 }, different: { m: 0.2, u: 0.77 } },
  },
}

/**
 * What was measured on labelled sets: fields of true pairs err together, so that the sum of their weights says less
 * than it seems. This much is added to every score.
 */
export const CALIBRATION: Record<Kind, number> = { company: 2.5, deal: 2.5, person: 4, generic: 0 }
