import { describe, expect, test } from 'vitest'
import { parseAddress } from '../../../sync/match/address.ts'
import { Census } from '../../../sync/match/census.ts'
import { kindOf, mapColumns } from '../../../sync/match/columns.ts'
import { parseEmail, phoneDigits, samePhone, webDomain } from '../../../sync/match/contact-points.ts'
import { compareDeals, compareProducts, parseDeal } from '../../../sync/match/deals.ts'
import { parseDay, parseNumber } from '../../../sync/match/figures.ts'
import { compareForms } from '../../../sync/match/legal-forms.ts'
import { matchWithin } from '../../../sync/match/match-sets.ts'
import { compareNames, parseName } from '../../../sync/match/name.ts'
import { compareNameWords, parsePerson } from '../../../sync/match/person-name.ts'
import { scoreAlone } from '../../../sync/match/single.ts'
import { edits, jaroWinkler } from '../../../sync/match/strings.ts'
import { parseSubject, type Raw } from '../../../sync/match/subject.ts'
import { fold, skeleton, words } from '../../../sync/match/text.ts'
import { judge } from '../../../sync/match/verdict.ts'

describe('text', () => {
  test.each([
    ['Müller & Söhne GmbH', 'muller and sohne gmbh'],
    ['ООО «Бай»', 'ooo bai'],
    ["Arnie's  Deli", 'arnies deli'],
    ['S.p.A.', 'spa'],
    ['J.P. Morgan', 'jp morgan'],
    ['Nordisk A/S', 'nordisk as'],
    ['GTX+ Basic', 'gtx plus basic'],
  ])('%s is one spelling: %s', (text, spelling) => expect(fold(text)).toBe(spelling))
  test('letters that stand alone in a row are one word', () => expect(words('s p a holding')).toEqual(['spa', 'holding']))
  test.each([
    ['mueller', 'muller'],
    ['philipp', 'filip'],
    ['katharina', 'catarina'],
    ['schmitt', 'schmit'],
  ])('%s and %s sound alike', (a, b) => expect(skeleton(a)).toBe(skeleton(b)))
})

describe('strings', () => {
  // The values that Winkler's paper prints.
  test.each([
    ['martha', 'marhta', 0.961],
    ['dwayne', 'duane', 0.84],
    ['dixon', 'dicksonx', 0.813],
    ['same', 'same', 1],
    ['abc', 'xyz', 0],
  ])('Jaro-Winkler of %s and %s is %d', (a, b, value) => expect(jaroWinkler(a, b)).toBeCloseTo(value, 3))
  test.each([
    ['ab', 'ba', 1],
    ['kitten', 'sitting', 3],
    ['', 'abc', 3],
    ['abcdef', 'ghijkl', 5],
  ])('%s becomes %s in %d edits (at most 5 are counted)', (a, b, n) => expect(Math.min(5, edits(a, b, 4))).toBe(n))
})

describe('names', () => {
  const compared = (a: string, b: string) => compareNames(parseName(a)!, parseName(b)!, new Census())
  test.each([
    ['Acme Ltd', 'ACME LIMITED'],
    ['OOO Bravo', 'Bravo ООО'],
    ['Siemens Aktiengesellschaft', 'SIEMENS AG'],
    ['Good Will Company', 'Goodwill Company'],
    ['Coca-Cola Company', 'The Coca Cola Company'],
    ['First Three Partners', 'First 3 Partners'],
  ])('%s is %s', (a, b) => {
    const c = compared(a, b)
    expect(c.less).toBeLessThan(0.01)
    expect(c.more).toBeLessThan(5)
  })
  test('a name that a system cut off lacks nothing', () => {
    const c = compared('TECHNICAL PUBLICATIONS SERVI', 'Technical Publications Services of the North')
    expect(c.more).toBeLessThan(c.shared / 4)
  })
  test('initials stand for the words', () => expect(compared('IBM', 'International Business Machines').shared).toBeGreaterThan(5))
  test('branches with other numbers are other branches', () => {
    expect(compared('Harbor School 7', 'Harbor School 8').otherNumber).toBe(true)
    expect(compared('Harbor Fund I', 'Harbor Fund II').otherNumber).toBe(true)
  })
  test('sisters in two countries are told', () => expect(compared('Bravo (France)', 'Bravo (Germany)').otherCountry).toBe('both'))
  test.each([
    ['Acme AG', 'Acme Aktiengesellschaft', 'same'],
    ['Acme AG', 'Acme Oyj', 'alike'],
    ['Acme AG', 'Acme GmbH', 'different'],
    ['Acme', 'Acme GmbH', 'unknown'],
    ['Acme Company', 'Acme GmbH', 'unknown'],
  ])('the forms of %s and %s are %s', (a, b, level) => {
    expect(compareForms(parseName(a)!.forms, parseName(b)!.forms)).toBe(level)
  })
  test('a word that many share is worth little, and a phrase is worth what the phrase is', () => {
    const census = new Census()
    for (let i = 0; i < 500; i++) {
      census.records++
      if (i < 100) for (const w of ['granite', 'harbor']) census.add('word', w)
      if (i < 100) census.add('pair', 'granite harbor')
    }
    expect(census.bits('word', 'granite')).toBeLessThan(4)
    expect(census.bits('word', 'cobalt')).toBeGreaterThan(10)
    expect(census.bitsAfter('granite', 'harbor')).toBeLessThan(0.5)
  })
})

describe('addresses, phones, mail, web', () => {
  test.each([
    ['13-15 Avenue de la Liberté', ['13', '15'], ['liberte']],
    ['VIA CARLO BERTI PICHAT NR. 2/4', ['4'], ['carlo', 'berti', 'pichat']],
    ['435 S. La Cienega Blvd., Suite 20', ['435'], ['cienega']],
    ['875 3rd Ave. Fl 2', ['875'], ['3rd']],
    ['800 Second Ave.', ['800'], ['2nd']],
  ])('%s', (text, numbers, street) => {
    const a = parseAddress(text)!
    expect([a.numbers, a.street]).toEqual([numbers, street])
  })
  test('a post box is no address', () => expect(parseAddress('P.O. Box: 215')).toBeUndefined())
  test('a number without its area code is told by its last seven digits', () => {
    expect(samePhone(phoneDigits('+1 (212) 315-5488')!, phoneDigits('212-315-5488')!)).toBe('same')
    expect(samePhone(phoneDigits('315-5488')!, phoneDigits('212-315-5488')!)).toBe('local')
    expect(samePhone(phoneDigits('315-5489')!, phoneDigits('212-315-5488')!)).toBe('different')
  })
  test('an extension is no other line', () => expect(phoneDigits('212-315-5488 ext. 12')).toBe('2123155488'))
  test('web addresses are told by their registrable domain', () => {
    expect(webDomain('http://www.shop.example.co.uk/path')).toBe('example.co.uk')
    expect(parseEmail('Jo.Do+news@Example.com')).toEqual({ address: 'jo.do@example.com', local: 'jo.do', domain: 'example.com' })
  })
  test('the domain of a mail provider is no company', () => {
    expect(parseSubject('1', '', { name: 'Acme', email: 'acme@gmail.com' }).domain).toBeUndefined()
    expect(parseSubject('1', '', { name: 'Acme', email: 'jo@mail.graniteharbor.com' }).domain).toBe('graniteharbor.com')
  })
})

describe('people', () => {
  test.each([
    ['robert', 'bob', 'near'],
    ['smith', 'smyth', 'near'],
    ['j', 'john', 'initial'],
    ['mary', 'peter', 'different'],
    ['anna', 'anna', 'same'],
  ])('%s and %s: %s', (a, b, level) => expect(compareNameWords([a], [b])).toBe(level))
  test('a family name may come first', () => {
    expect(parsePerson({ full: 'Smith, Robert E' })).toEqual({ given: ['robert', 'e'], surname: ['smith'] })
    expect(parsePerson({ full: 'Dr. Robert Smith' })).toEqual({ given: ['robert'], surname: ['smith'] })
  })
})

describe('deals', () => {
  const sold = new Set(['gtx basic', 'gtx plus basic', 'mg advanced'].map((p) => parseDeal({ product: p }).product!))
  const product = (text: string) => parseDeal({ product: text }).product
  test.each([
    ['GTX Plus Basic', 'GTX+ Basic', 'same'],
    ['GTX Plus Basic', 'GTXPlus Basic', 'same'],
    ['MG Advanced', 'MG Adv.', 'same'],
    ['GTX Basic', 'GTX series', 'contained'],
    ['GTX Basic', 'GTX Plus Basic', 'different'],
    ['GTX Basic', 'MG Advanced', 'different'],
    ['GTX Basic', '', 'unknown'],
  ])('%s and %s: %s', (a, b, level) => expect(compareProducts(product(a), product(b), sold)).toBe(level))
  const deal = (product: string, amount: string, opened: string) => parseDeal({ product, amount, currency: 'EUR', opened })
  test('the same product within months at about the same price is one deal', () => {
    expect(compareDeals(deal('MG Advanced', '1000', '2026-03-01'), deal('MG Adv.', '1300', '2026-05-10'), sold).verdict).toBe(
      'one deal',
    )
  })
  test('a renewal is another deal, and the reason is told', () => {
    const c = compareDeals(deal('MG Advanced', '1000', '2026-03-01'), deal('MG Advanced', '1000', '2027-03-01'), sold)
    expect(c).toEqual({ verdict: 'other deal', reasons: ['365 days apart: a renewal or a later deal'] })
  })
})

describe('verdicts', () => {
  const verdict = (a: Raw, b: Raw) => judge(scoreAlone(parseSubject('a', 'L', a), parseSubject('b', 'R', b), 'company'))
  test('the same name and nothing against it is a duplicate', () => {
    expect(verdict({ name: 'Granite Harbor Ltd' }, { name: 'GRANITE HARBOR LIMITED' }).verdict).toBe('duplicate')
  })
  test('another legal form and nothing else to go by is for a person', () => {
    expect(verdict({ name: 'Granite Harbor AG' }, { name: 'Granite Harbor GmbH' })).toEqual({
      verdict: 'review',
      because: 'the same name, but another legal form: perhaps a sister company',
    })
  })
  test('another legal form at the same address is a duplicate all the same', () => {
    const at = { street: '12 Willow Street', city: 'Bergen' }
    expect(verdict({ name: 'Granite Harbor AG', ...at }, { name: 'Granite Harbor GmbH', ...at }).verdict).toBe('duplicate')
  })
  test('one name in two countries is for a person', () => {
    const a = { name: 'Granite Harbor', website: 'graniteharbor.com' }
    expect(verdict({ ...a, country: 'DE' }, { ...a, country: 'FR' }).verdict).toBe('review')
  })
  test('a shared address does not outweigh another name', () => {
    const at = { street: '12 Willow Street', city: 'Bergen' }
    expect(verdict({ name: 'Granite Harbor', ...at }, { name: 'Falcon Orchid', ...at }).verdict).not.toBe('duplicate')
  })
  test('other things are distinct', () => {
    expect(verdict({ name: 'Granite Harbor', phone: '2125550100' }, { name: 'Falcon Orchid', phone: '3125550199' }).verdict).toBe(
      'distinct',
    )
  })
})

describe('unusual input', () => {
  test.each(['& Co', 'And Company Ltd', 'General Constructor Group', 'toString', '株式会社', '...', '12 & Co. KG'])(
    'the name %s stops nothing',
    (name) => {
      const [a, b] = [parseSubject('a', 'L', { name, street: `12 ${name} street` }), parseSubject('b', 'R', { name })]
      expect(Number.isFinite(scoreAlone(a, b, 'company').score)).toBe(true)
    },
  )
  test('two records alone are not taken for one because nothing else is there', () => {
    const a = parseSubject('a', '', { name: 'Granite Bakery', city: 'Berlin', phone: '0301234567' })
    const b = parseSubject('b', '', { name: 'Granite Nuclear Plants', city: 'Hamburg', phone: '0407654321' })
    const { pairs } = matchWithin([a, b], 'company')
    expect(pairs).toHaveLength(1)
    expect(Number.isFinite(pairs[0]!.score)).toBe(true)
    expect(judge(pairs[0]!).verdict).not.toBe('duplicate')
  })
  test('a number of the company that differs speaks against it, and one that says nothing is none', () => {
    const company = (identifier: string) => parseSubject(identifier, '', { name: 'Granite Harbor', identifier })
    const score = (x: string, y: string) => scoreAlone(company(x), company(y), 'company').score
    expect(score('DE123456', 'DE 123 456')).toBeGreaterThan(score('-', 'n/a'))
    expect(score('DE123456', 'DE999999')).toBeLessThan(score('-', 'n/a'))
  })
  test('mailboxes that every company has, and short names, are no likeness', () => {
    const person = (email: string) => parseSubject(email, '', { given: 'Anna', surname: 'Berg', email })
    const score = (x: string, y: string) => scoreAlone(person(x), person(y), 'person').score
    expect(score('info@alder.com', 'info@birch.com')).toBeLessThan(score('anna.berg@alder.com', 'anna.berg@birch.com'))
    expect(score('bo@gmail.com', 'al@gmail.com')).toBeLessThan(0 + score('', ''))
  })
  test('a zero that is dialled at home only is no part of a number', () => {
    expect(samePhone(phoneDigits('+49 (0)89 123456')!, phoneDigits('+49 89 123456')!)).toBe('same')
  })
})

describe('figures of several countries', () => {
  test.each([
    ['1,234.50', 1234.5],
    ['1.234,50', 1234.5],
    ['12,99 €', 12.99],
    ['10.000,00', 10000],
    ['1,234', 1234],
    ['1.234.567', 1234567],
    ['1234.5', 1234.5],
    ['no price', undefined],
  ])('%s is %s', (text, value) => expect(parseNumber(text)).toBe(value))
  test.each([
    ['2026-03-01', '20260301'],
    ['20260301', '20260301'],
    ['2026-03-01T08:00:00Z', '20260301'],
    ['1.3.2026', '20260301'],
    ['3/1/2026', '20260301'],
    ['31/12/1990', '19901231'],
    ['soon', undefined],
  ])('%s is %s', (text, day) => expect(parseDay(text)).toBe(day))
})

describe('columns', () => {
  test('headings say what they are, in many spellings', () => {
    expect(Object.fromEntries(mapColumns(['Company Name', 'iso3', 'zip_code', 'Telephone', 'notes']))).toEqual({
      'Company Name': 'name',
      iso3: 'country',
      zip_code: 'postcode',
      Telephone: 'phone',
    })
  })
  test('what is said stands above what a heading says', () => {
    const roles = mapColumns(
      ['name', 'firma'],
      new Map([
        ['firma', 'name'],
        ['name', ''],
      ]),
    )
    expect(Object.fromEntries(roles)).toEqual({ firma: 'name' })
  })
  test('a number of the state is nothing to go by unless it is said', () => expect(mapColumns(['soc_sec_id']).size).toBe(0))
  test('columns that are not there and roles that are none are told', () => {
    expect(() => mapColumns(['name'], new Map([['firma', 'name']]))).toThrow('there is no column "firma"; the file has name')
    expect(() => mapColumns(['name'], new Map([['name', 'title']]))).toThrow('"title" is nothing a column can be')
  })
  test.each([
    [['name', 'city'], 'company'],
    [['given', 'surname'], 'person'],
    [['name', 'product', 'amount'], 'deal'],
    [['name', 'people', 'year'], 'generic'],
  ] as const)('%s: %s', (roles, kind) => expect(kindOf(new Set(roles))).toBe(kind))
})
