import countries from 'i18n-iso-countries'
import { iso31662 } from 'iso-3166'

const regionNames = new Intl.DisplayNames(['en'], { type: 'region' })
/** Languages in which people write country names into a CRM. Every one costs a look-up, so not all 70. */
const LANGUAGES = ['en', 'de', 'fr', 'es', 'it', 'nl', 'pt', 'sv', 'da', 'fi', 'pl']
const ALIASES: Record<string, string> = {
  uk: 'GB',
  england: 'GB',
  scotland: 'GB',
  'u.s.': 'US',
  'u.s.a.': 'US',
  us: 'US',
  holland: 'NL',
}

const fold = (text: string) =>
  text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()

const memo = new Map<string, string | undefined>()

/** ISO 3166-1 alpha-2 of a country as a person writes it (code, alpha-3, name in common languages). */
export function countryCode(text: string): string | undefined {
  const key = text.toLowerCase()
  if (memo.has(key)) return memo.get(key)
  const found = lookUpCountry(text)
  if (memo.size < 5_000) memo.set(key, found)
  return found
}

function lookUpCountry(text: string): string | undefined {
  const alias = ALIASES[text.toLowerCase()]
  if (alias) return alias
  const upper = text.toUpperCase()
  if (upper.length === 2 && countries.isValid(upper)) return upper
  if (upper.length === 3 && countries.alpha3ToAlpha2(upper)) return countries.alpha3ToAlpha2(upper)
  for (const language of LANGUAGES) {
    const code = countries.getAlpha2Code(text, language)
    if (code) return code
  }
  return undefined
}

/** The English name of an ISO 3166-1 alpha-2 code, as Salesforce and HubSpot spell it by default. */
export const countryName = (code: string): string =>
  /^[A-Z]{2}$/.test(code) && countries.isValid(code) ? (regionNames.of(code) ?? code) : code

/** Country -> folded name or bare code -> ISO 3166-2 code. */
const states = new Map<string, Map<string, string>>()
const stateNames = new Map<string, string>()
for (const { code, name, parent } of iso31662) {
  const country = parent.slice(0, 2)
  const ofCountry = states.get(country) ?? new Map<string, string>()
  states.set(country, ofCountry)
  ofCountry.set(fold(code.slice(3)), code)
  ofCountry.set(fold(code), code)
  if (!ofCountry.has(fold(name))) ofCountry.set(fold(name), code)
  stateNames.set(code, name)
}

/**
 * ISO 3166-2 of a state or province ("California", "CA" in US). Without a country only a full code
 * ("US-CA") is understood: "CA" alone may be California or Canada.
 */
export function stateCode(text: string, country: string | undefined): string | undefined {
  if (/^[A-Z]{2}-[A-Z0-9]{1,3}$/.test(text) && stateNames.has(text)) return text
  return country ? states.get(country)?.get(fold(text)) : undefined
}

/** The ISO name of a state code, or the text itself where it is no code. */
export const stateName = (code: string): string => stateNames.get(code) ?? code
