import { existsSync, readFileSync, statSync } from 'node:fs'
import type { Command } from 'commander'
import { stringify } from 'yaml'
import { CommandError, withApi } from './client.ts'
import { confirmed, type Finish, type JsonOption, json, print, printJson, type Row } from './output.ts'
import { type PlanView, planText, readMapping } from './plan.ts'
import { short, table } from './print.ts'

/** `concordat mapping`: check, show, publish, versions, rollback, schema. */
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
  json(
    mapping
      .command('publish')
      .argument('<file>')
      .description('Show what a mapping would change, ask, and make it the active one')
      .option('--connection <name>', 'which connection it is for')
      .option('-y, --yes', 'do not ask'),
  ).action(async (file: string, o: JsonOption & { connection?: string; yes?: boolean }) => {
    const given = { yaml: readMapping(file), ...(o.connection && { connection: o.connection }) }
    const done = await withApi({ crms: true }, async (send) => {
      const planned = (await send('POST', '/api/v1/plan', { mapping: given })) as PlanView
      if (!o.json) print(planText(planned))
      if (!o.yes && !(await confirmed('Publish this mapping?'))) return undefined
      return (await send('POST', '/api/v1/mappings:publish', given)) as Row
    })
    if (o.json) printJson(done ?? { published: false })
    else print(done ? `Published as version ${done.version}.` : 'Nothing was changed.')
    finish(done ? 0 : 2)
  })
  json(
    mapping
      .command('versions')
      .description('Versions of the mappings, newest first')
      .argument('[connection]')
      .argument('[entity]'),
  ).action(async (connection: string | undefined, entity: string | undefined, o: JsonOption) => {
    const { items } = (await withApi({ crms: false }, (send) => send('GET', '/api/v1/mappings/versions'))) as { items: Row[] }
    const wanted = items.filter((m) => (!connection || m.connection === connection) && (!entity || m.entity === entity))
    if (o.json) printJson({ items: wanted })
    else
      print(
        table(
          ['connection', 'entity', 'version', 'status', 'since'],
          wanted.map((m) => [String(m.connection), String(m.entity), Number(m.version), String(m.status), String(m.at)]),
        ),
      )
  })
  json(
    mapping
      .command('rollback')
      .argument('<connection>')
      .argument('<entity>')
      .argument('<version>')
      .description('Make an earlier version the active one again'),
  ).action(async (connection: string, entity: string, version: string, o: JsonOption) => {
    const done = (await withApi({ crms: true }, (send) =>
      send('POST', '/api/v1/mappings:rollback', { connection, entity, version: Number(version) }),
    )) as Row
    if (o.json) printJson(done)
    else print(`Version ${version} is active again, as version ${done.version}.`)
  })
  mapping
    .command('schema')
    .description('JSON Schema of mapping files, for editors')
    .option('--json', 'print JSON (it always is)')
    .action(async () => printJson(await withApi({ crms: false }, (send) => send('GET', '/api/v1/mappings/schema'))))
}
