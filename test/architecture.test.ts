import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { parseSync } from 'oxc-parser'
import { describe, expect, test } from 'vitest'

/** The import floors of docs/architecture.md, held against the real imports. */

const root = resolve(import.meta.dirname, '..')

/** What each folder may import of ours. */
const FLOORS: Record<string, string[]> = {
  mappings: [],
  connectors: ['mappings'],
  store: ['mappings'],
  sync: ['store', 'connectors', 'mappings'],
  webhooks: ['store', 'connectors', 'mappings'],
  sandbox: [],
  src: ['sync', 'webhooks', 'store', 'connectors', 'mappings', 'sandbox'],
}

const files = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((f) => f.endsWith('.ts'))
    .map((f) => join(folder, f))

function importsOf(file: string): string[] {
  const { module } = parseSync(file, readFileSync(join(root, file), 'utf8'))
  return [
    ...module.staticImports.map((i) => i.moduleRequest.value),
    ...module.staticExports.flatMap((e) => e.entries.map((x) => x.moduleRequest?.value)).filter((v) => v !== undefined),
  ]
}

describe.each(Object.keys(FLOORS))('%s', (folder) => {
  test.each(files(folder))('%s imports only from its own floor and those below', (file) => {
    for (const name of importsOf(file)) {
      if (!name.startsWith('.')) continue
      const target = relative(root, resolve(root, dirname(file), name)).split('/')[0]!
      if (target !== folder) expect(FLOORS[folder], `${file} imports ${name}`).toContain(target)
    }
  })
})

const PURE = [...files('mappings'), ...files('sync/merge'), ...files('sync/match')]
test.each(PURE)('%s is pure: no clock, network, database, files or randomness', (file) => {
  const text = readFileSync(join(root, file), 'utf8')
  for (const name of importsOf(file)) expect(name, file).not.toMatch(/^(node:|pg$|kysely|bullmq|ioredis|jsforce|@hubspot)/)
  expect(text, file).not.toMatch(/Date\.now\(|new Date\(\)|Math\.random|randomUUID|\bfetch\(/)
})

test('only store/ writes SQL', () => {
  for (const folder of ['connectors', 'mappings', 'webhooks', 'sandbox'])
    for (const file of files(folder)) expect(importsOf(file), file).not.toContain('kysely')
})

test("a CRM's names stay in its connector and the sandbox", () => {
  for (const file of [...files('sync'), ...files('store')])
    expect(readFileSync(join(root, file), 'utf8'), file).not.toMatch(
      /SystemModstamp\b(?!:)(?=')|hs_lastmodifieddate|\/crm\/v3|\/services\/data/,
    )
})
