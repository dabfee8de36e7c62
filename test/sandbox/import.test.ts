import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startSandbox } from '../../sandbox/sandbox.ts'

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

test('a row may point at one further down; one that points at nothing is kept without', async () => {
  const { names, problems } = await imported(
    'Id,Name,ParentId\n001000000000001,Alder,001000000000002\n001000000000002,Birch,\n001000000000003,Beech,001000000000009\n',
  )
  expect(names).toEqual(['Alder', 'Beech', 'Birch'])
  expect(problems).toEqual([expect.stringMatching(/line 4: .*001000000000009; ParentId left blank/)])
})
