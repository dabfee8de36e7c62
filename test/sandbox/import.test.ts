import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startSandbox } from '../../sandbox/sandbox.ts'
import { dateOf, numberOf } from '../../sandbox/world/written.ts'

/** Exports as spreadsheets leave them. */

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'exports-'))
  mkdirSync(join(folder, 'salesforce'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

async function imported(text: string | Uint8Array) {
  writeFileSync(join(folder, 'salesforce', 'Account.csv'), text)
  const sandbox = await startSandbox({ limits: false, importFrom: folder })
  try {
    const { instanceUrl, personToken } = sandbox.info.salesforce
    const answer = await fetch(
      `${instanceUrl}/services/data/v60.0/query?q=${encodeURIComponent('SELECT Name, Website FROM Account ORDER BY Name')}`,
      {
        headers: { authorization: `Bearer ${personToken}` },
      },
    )
    const { records } = (await answer.json()) as { records: { Name: string; Website: string | null }[] }
    return { names: records.map((r) => r.Name), sites: records.map((r) => r.Website), problems: sandbox.imported!.problems }
  } finally {
    await sandbox.stop()
  }
}

test('semicolons and tabs separate columns where commas do not', async () => {
  expect(await imported('Name;Website\r\nAlder;a.example.com\r\nBirch;b.example.com\r\n')).toEqual({
    names: ['Alder', 'Birch'],
    sites: ['a.example.com', 'b.example.com'],
    problems: [],
  })
  expect((await imported('Name\tWebsite\nAlder\ta.example.com\n')).sites).toEqual(['a.example.com'])
})

test('a file of an older program is read as such, and that is said', async () => {
  const { names, problems } = await imported(Buffer.from('Name\nMüller AG\n', 'latin1'))
  expect(names).toEqual(['Müller AG'])
  expect(problems).toEqual([expect.stringContaining('read as Windows-1252')])
})

test('a row is named by the line on which it begins; an id that stands twice is said', async () => {
  const { names, problems } = await imported(
    'Id,Name,Description,AnnualRevenue\n001000000000001,Alder,"two\nlines",x\n001000000000002,Birch,,1\n001000000000002,Beech,,2\n',
  )
  expect(names).toEqual(['Alder', 'Birch'])
  expect(problems).toEqual([
    expect.stringMatching(/line 2: .*AnnualRevenue/),
    expect.stringMatching(/line 5: the id .* stands in an earlier row/),
  ])
})

test('a file of which no column is known is refused, naming it', async () => {
  await expect(imported('Foo,Bar\n1,2\n')).rejects.toThrow(/Account\.csv: none of its columns \(Foo, Bar\)/)
})

test.each([
  ['1.200', '1200'],
  ['1,200', '1200'],
  ['1.500.000,50', '1500000.50'],
  ['$1,234.50', '1234.50'],
  ['1 234,5', '1234.5'],
  ['EUR 12', '12'],
  ['0.5', '0.5'],
  ['-3', '-3'],
  ['n/a', undefined],
])('a number written as %s is %s', (text, value) => expect(numberOf(text)).toBe(value))

test.each([
  ['1/31/2026', '2026-01-31', false],
  ['31/12/2026', '2026-12-31', false],
  ['31.12.2026', '2026-12-31', false],
  ['3/4/2026', '2026-03-04', true],
])('a day written as %s is %s', (text, iso, ambiguous) => expect(dateOf(text)).toEqual({ iso, ambiguous }))

test('a lookup may be given by name, as reports do; names that fit none, and columns that are none, are said', async () => {
  const { names, problems } = await imported(
    'Id,Name,Parent Account,Shoe Size\n001000000000001,Alder,Birch,7\n001000000000002,Birch,Nobody,\n',
  )
  expect(names).toEqual(['Alder', 'Birch'])
  expect(problems).toEqual([
    expect.stringMatching(/"Shoe Size" is not one of Account's/),
    expect.stringMatching(/line 3: no single row is named Nobody; ParentId left blank/),
  ])
})

test('reports of deals name the account in a column of its name', async () => {
  writeFileSync(join(folder, 'salesforce/Account.csv'), 'Account Name\nAlder\n')
  writeFileSync(
    join(folder, 'salesforce/Opportunity.csv'),
    'Opportunity Name,Account Name,Stage,Close Date\nFirst,Alder,Prospecting,2027-01-15\n',
  )
  const sandbox = await startSandbox({ importFrom: folder })
  try {
    const [deal] = [...sandbox.world.org.table('Opportunity').rows.values()]
    const [account] = [...sandbox.world.org.table('Account').rows.values()]
    expect(deal!.values.AccountId).toBe(account!.id)
    expect(sandbox.imported!.problems).toEqual([])
  } finally {
    await sandbox.stop()
  }
})

test('a row may point at one further down; one that points at nothing is kept without', async () => {
  const { names, problems } = await imported(
    'Id,Name,ParentId\n001000000000001,Alder,001000000000002\n001000000000002,Birch,\n001000000000003,Beech,001000000000009\n',
  )
  expect(names).toEqual(['Alder', 'Beech', 'Birch'])
  expect(problems).toEqual([expect.stringMatching(/line 4: .*001000000000009; ParentId left blank/)])
})
