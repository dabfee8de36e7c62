import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { type EvaluationOptions, evaluate } from '../../src/match/evaluate.ts'

/** `concordat match evaluate` on files as people hand them in. */

const folder = mkdtempSync(join(tmpdir(), 'concordat-match-'))
afterAll(() => rmSync(folder, { recursive: true }))
let files = 0
function file(text: string | Buffer): string {
  const path = join(folder, `f${++files}.csv`)
  writeFileSync(path, text)
  return path
}
const options: EvaluationOptions = { map: new Map(), wrong: 0 }

const NAMES = ['Granite Harbor', 'Falcon Orchid', 'Cobalt Meadow', 'Amber Lantern', 'Willow Summit', 'Quartz Breeze']
const left = () => file(`id,name,city\n${NAMES.map((n, i) => `${i},${n.toUpperCase()} LTD,Bergen`).join('\n')}\n`)
const right = () =>
  file(`id,company name,town\n${NAMES.map((n, i) => `${i},${n} Limited,Bergen`).join('\n')}\n9,Velvet Comet,Oslo\n`)
const matches = () => file(`left_id,right_id\n${NAMES.map((_, i) => `${i},${i}`).join('\n')}\n`)

describe('two systems', () => {
  test('equal things are found and others left alone, whatever the columns are called', async () => {
    const e = await evaluate({ left: left(), right: right(), matches: matches() }, options)
    expect(e).toMatchObject({
      kind: 'company',
      pairs: { precision: 1, recall: 1, f1: 1 },
      oneToOne: { f1: 1 },
      candidateRecall: 1,
      problems: [],
    })
  })

  test('a pair that is called wrongly is shown with its evidence', async () => {
    const known = file('left_id,right_id\n0,0\n1,2\n')
    const e = await evaluate({ left: left(), right: right(), matches: known }, { ...options, wrong: 10 })
    expect(e.pairs.f1).toBeLessThan(1)
    const wrong = e.wrong.find((w) => w.verdict === 'duplicate' && w.left.id === '1')
    expect(wrong).toMatchObject({ truth: 'distinct', right: { id: '1' } })
    expect(wrong!.explanation.evidence.map((x) => x.comparison)).toContain('name')
  })

  test('an id that stands twice, a row without one and a pair of nobody are left out and told, with file and line', async () => {
    const l = file('id,name\n1,Granite Harbor\n1,Falcon Orchid\n,Cobalt Meadow\n2,Amber Lantern\n')
    const m = file('left_id,right_id\n1,0\n77,0\n2,\n')
    const e = await evaluate({ left: l, right: right(), matches: m }, options)
    expect(e.problems.map((p) => p.replace(/^f\d+/, 'f'))).toEqual([
      'f.csv line 3: id 1 was there before; the row is left out',
      'f.csv line 4: no id; the row is left out',
      'f.csv line 3: no record has the id 77; the pair is left out',
      'f.csv line 4: it needs two ids, left_id and right_id; the pair is left out',
    ])
    expect(e.pairs.recall).toBe(1)
  })

  test('older Windows encodings are read', async () => {
    const l = file(Buffer.from('id,name\n1,M\xfcller S\xf8nner\n', 'latin1'))
    const r = file('id,name\n1,Müller Sønner\n')
    const e = await evaluate({ left: l, right: r, matches: file('left_id,right_id\n1,1\n') }, options)
    expect(e.pairs.f1).toBe(1)
  })
})

describe('one system', () => {
  test('records that stand there twice are found', async () => {
    const records = file(
      'id,name,phone\n1,Granite Harbor Ltd,2125550101\n2,Granite Harbor,(212) 555-0101\n3,Falcon Orchid,2125550199\n',
    )
    const e = await evaluate({ records, clusters: file('id,cluster_id\n1,a\n2,a\n3,b\n') }, options)
    expect(e.pairs).toEqual({ precision: 1, recall: 1, f1: 1 })
    expect(e.oneToOne).toBeNull()
  })
})

describe('deals', () => {
  const deal = (id: string, name: string, product: string, amount: number, opened: string) =>
    `${id},${name},${product},${amount},${opened}`
  const header = 'id,account_name,product,amount,opened'
  test('one deal is a duplicate, another product of the account is for review, and the table says so', async () => {
    const l = file(
      [
        header,
        ...NAMES.map((n, i) => deal(`L${i}`, n, 'Basic', 1000, '2026-03-01')),
        deal('L9', NAMES[0]!, 'Pro', 9000, '2026-03-01'),
      ].join('\n'),
    )
    const r = file([header, deal('R0', 'GRANITE HARBOR LTD', 'Basic', 1100, '2026-03-20')].join('\n'))
    const m = file('left_id,right_id,label\nL0,R0,duplicate\nL9,R0,review\n')
    const e = await evaluate({ left: l, right: r, matches: m }, options)
    expect(e.kind).toBe('deal')
    expect(e.confusion).toEqual({
      duplicate: { duplicate: 1, review: 0, distinct: 0 },
      review: { duplicate: 0, review: 1, distinct: 0 },
      distinct: { duplicate: 0, review: 0, distinct: 0 },
    })
    expect(e.pairs.f1).toBe(1)
  })
})

describe('pairs in one file', () => {
  test('labels may be 1 and 0, and some rows only may be asked for', async () => {
    const pairs = file(
      'left_name,right_name,label,schema\nAcme Ltd,ACME LIMITED,1,Company\nAcme Ltd,Falcon Orchid,0,Company\nAnna,Anna,0,Person\nGranite,Harbor,,Company\n',
    )
    const e = await evaluate({ pairs }, { ...options, where: new Map([['schema', ['Company']]]) })
    expect(e.pairs).toEqual({ precision: 1, recall: 1, f1: 1 })
    expect(e.problems).toEqual([expect.stringMatching(/line 5: no label/)])
  })
})

describe('bad files are told by name', () => {
  const attempts: [string, () => Parameters<typeof evaluate>[0], RegExp, Map<string, string>?][] = [
    ['a file that is not there', () => ({ left: '/nowhere/a.csv', right: right(), matches: matches() }), /a\.csv is not there/],
    ['a folder', () => ({ left: folder, right: right(), matches: matches() }), /is a folder/],
    ['an empty file', () => ({ left: file(''), right: right(), matches: matches() }), /f\d+\.csv has no rows/],
    ['a heading alone', () => ({ left: file('id,name\n'), right: right(), matches: matches() }), /has no rows/],
    [
      'columns that say nothing',
      () => ({ left: file('id,x,y\n1,2,3\n'), right: right(), matches: matches() }),
      /none of its columns \(x, y\) is known/,
    ],
    [
      'a broken quote',
      () => ({ left: file('id,name\n1,"Acme\n2,Bcme\n'), right: right(), matches: matches() }),
      /f\d+\.csv: .*(quote|Quote)/,
    ],
    [
      'matches of nobody',
      () => ({ left: left(), right: right(), matches: file('left_id,right_id\n88,99\n') }),
      /names no pair of these records/,
    ],
    ['clusters of nobody', () => ({ records: left(), clusters: file('id,cluster_id\n88,a\n') }), /names none of these records/],
    [
      'pairs without labels',
      () => ({ pairs: file('left_name,right_name\nA,B\n') }),
      /needs columns left_NAME, right_NAME and label/,
    ],
    [
      'a role that is none',
      () => ({ left: left(), right: right(), matches: matches() }),
      /"firm" is nothing a column can be/,
      new Map([['name', 'firm']]),
    ],
  ]
  test.each(attempts)('%s', async (_, given, message, map) => {
    await expect(evaluate(given(), { ...options, map: map ?? new Map() })).rejects.toThrow(message)
  })
})
