import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { stringify } from 'yaml'
import { CommandError, withApi } from './client.ts'
import { confirmed, type Finish, type JsonOption, json, print, printJson, type Row } from './output.ts'
import { type PlanView, planText, readMapping } from './plan.ts'
import { count, short, table } from './print.ts'

/** `concordat mapping`: check, show, draft, publish, discard, versions, rollback, export, import, schema. */
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
      .command('draft')
      .argument('<file>')
      .description('Keep a mapping as a draft: it can be planned and published later')
      .option('--connection <name>', 'which connection it is for'),
  ).action(async (file: string, o: JsonOption & { connection?: string }) => {
    const done = (await withApi({ crms: true }, (send) =>
      send('POST', '/api/v1/mappings:draft', documentOf(file, o.connection)),
    )) as Row
    if (o.json) printJson(done)
    else
      print(`Kept as draft ${done.version}. To put it to work: mapping publish ${done.connection} ${done.entity} ${done.version}`)
  })
  json(
    mapping
      .command('publish')
      .argument('<file-or-connection>', 'a file; or the connection of a draft, followed by its entity and version')
      .argument('[entity]')
      .argument('[version]')
      .description('Show what a mapping would change, ask, and make it the active one')
      .option('--connection <name>', 'which connection the file is for')
      .option('-y, --yes', 'do not ask')
      .addHelpText(
        'after',
        `
Examples:
  npm run -s concordat -- mapping publish ./account.yaml
  npm run -s concordat -- mapping publish salesforce account 4`,
      ),
  ).action(async (what: string, entity: string | undefined, version: string | undefined, o: PublishOptions) => {
    const given = entity === undefined ? documentOf(what, o.connection) : versionOf(what, entity, version)
    await publish([given], o, finish, (done) => `Published as version ${done[0]!.version}.`)
  })
  json(
    mapping
      .command('discard')
      .argument('<connection>')
      .argument('<entity>')
      .argument('<version>')
      .description('Throw a draft away'),
  ).action(async (connection: string, entity: string, version: string, o: JsonOption) => {
    const done = await withApi({ crms: false }, (send) =>
      send('POST', '/api/v1/mappings:discard', versionOf(connection, entity, version)),
    )
    if (o.json) printJson(done)
    else print(`Draft ${version} is gone.`)
  })
  json(
    mapping
      .command('export')
      .argument('<folder>')
      .description(
        'Write the active mappings into a folder, a file each: to keep them in git, or to take them to another installation',
      ),
  ).action(async (folder: string, o: JsonOption) => {
    const { mappings } = (await withApi({ crms: true }, (send) => send('GET', '/api/v1/mappings'))) as { mappings: Row[] }
    mkdirSync(folder, { recursive: true })
    const files = mappings.map((m) => {
      const file = join(folder, `${m.connection}.${m.entity}.yaml`)
      writeFileSync(file, stringify(m.document))
      return file
    })
    if (o.json) printJson({ files })
    else print(`${count(files.length, 'mapping')} written to ${folder}.`)
  })
  json(
    mapping
      .command('import')
      .argument('<folder>', 'with files as `mapping export` writes them')
      .description('Show what the mappings of a folder would change together, ask, and publish all of them or none')
      .option('-y, --yes', 'do not ask'),
  ).action(async (folder: string, o: PublishOptions) => {
    const names = filesOf(folder)
    const active = (await withApi({ crms: true }, (send) => send('GET', '/api/v1/mappings'))) as { mappings: Row[] }
    const connections = new Set(active.mappings.map((m) => String(m.connection)))
    const given = names.map((name) => {
      const [connection] = name.split('.')
      return documentOf(join(folder, name), connections.has(connection!) ? connection : undefined)
    })
    await publish(given, o, finish, (done) => `${count(done.length, 'mapping')} published.`)
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
      send('POST', '/api/v1/mappings:rollback', versionOf(connection, entity, version)),
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

interface PublishOptions extends JsonOption {
  connection?: string
  yes?: boolean
}

/** Plans mappings, asks, and publishes them together. */
async function publish(given: Row[], o: PublishOptions, finish: Finish, told: (done: Row[]) => string): Promise<void> {
  const done = await withApi({ crms: true }, async (send) => {
    const planned = (await send('POST', '/api/v1/plan', { mappings: given })) as PlanView
    if (!o.json) print(planText(planned))
    if (!o.yes && !(await confirmed(given.length === 1 ? 'Publish this mapping?' : `Publish these ${given.length} mappings?`)))
      return undefined
    return ((await send('POST', '/api/v1/mappings:publish', { mappings: given })) as { items: Row[] }).items
  })
  if (o.json) printJson(done ? { published: true, items: done } : { published: false })
  else print(done ? told(done) : 'Nothing was changed.')
  finish(done ? 0 : 2)
}

const documentOf = (file: string, connection: string | undefined): Row => ({
  yaml: readMapping(file),
  ...(connection && { connection }),
})

function versionOf(connection: string, entity: string, version: string | undefined): Row {
  const n = Number(version)
  if (!Number.isInteger(n) || n < 1)
    throw new CommandError(`"${version ?? ''}" is no version of a mapping; \`mapping versions\` lists them`)
  return { connection, entity, version: n }
}

function filesOf(folder: string): string[] {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) throw new CommandError(`there is no folder ${folder}`)
  const names = readdirSync(folder)
    .filter((n) => /\.ya?ml$/.test(n))
    .sort()
  if (names.length === 0) throw new CommandError(`${folder} holds no mapping: no file that ends in .yaml`)
  return names
}
