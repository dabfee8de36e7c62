import { existsSync, readFileSync, statSync } from 'node:fs'
import type { Command } from 'commander'
import { stringify } from 'yaml'
import { CommandError, withApi } from './client.ts'
import { type Finish, type JsonOption, json, print, printJson, type Row } from './output.ts'
import { short, table } from './print.ts'

/** `concordat mapping`: check, show, schema. */
export function addMapping(program: Command, finish: Finish): void {
  const mapping = program.command('mapping').description('Field mappings')
  json(
    mapping
      .command('check')
      .argument('<file>')
      .description('Check a mapping file against its CRM; exit 2 when something is wrong'),
  ).action(async (file: string, o: JsonOption) => {
    if (!existsSync(file) || !statSync(file).isFile()) throw new CommandError(`there is no file ${file}`)
    const { findings } = (await withApi({ crms: true }, (send) =>
      send('POST', '/api/v1/mappings:check', { yaml: readFileSync(file, 'utf8') }),
    )) as { findings: Row[] }
    if (o.json) printJson({ findings })
    else
      print(
        findings.length === 0
          ? 'Nothing to complain about.'
          : table(
              ['', 'field', 'problem', 'what to do'],
              findings.map((f) => [String(f.level), String(f.field), short(f.problem, 70), short(f.fix, 60)]),
            ),
      )
    finish(findings.some((f) => f.level === 'error') ? 2 : 0)
  })
  json(mapping.command('show').argument('[connection]').argument('[entity]').description('The active mappings, as YAML')).action(
    async (name: string | undefined, entity: string | undefined, o: JsonOption) => {
      const { mappings } = (await withApi({ crms: true }, (send) => send('GET', '/api/v1/mappings'))) as {
        mappings: Row[]
      }
      const wanted = mappings.filter((m) => (!name || m.connection === name) && (!entity || m.entity === entity))
      if (wanted.length === 0)
        throw new CommandError(
          `there is no such mapping; known are ${mappings.map((m) => `${m.connection} ${m.entity}`).join(', ')}`,
        )
      if (o.json) printJson(wanted)
      else for (const m of wanted) print(`# ${m.connection} ${m.entity}\n${stringify(m.document)}`)
    },
  )
  mapping
    .command('schema')
    .description('JSON Schema of mapping files, for editors')
    .option('--json', 'print JSON (it always is)')
    .action(async () => printJson(await withApi({ crms: false }, (send) => send('GET', '/api/v1/mappings/schema'))))
}
