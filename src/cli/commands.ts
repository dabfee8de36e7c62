import { existsSync, readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { Argument, type Command } from 'commander'
import { stringify } from 'yaml'
import { startSandbox } from '../../sandbox/sandbox.ts'
import { CommandError, withApi } from './client.ts'
import { short, table } from './print.ts'

type Row = Record<string, unknown>
type List = { items: Row[]; next: string | null }

const print = (text: string): void => void process.stdout.write(`${text}\n`)
const printJson = (value: unknown): void => print(JSON.stringify(value))

/** Every command but `start`. Each takes --json. */
export function addCommands(program: Command, finish: (code: number) => void): void {
  const json = (c: Command) => c.option('--json', 'print JSON')

  json(program.command('status').description('Lanes, pauses, open questions')).action(async (o: { json?: boolean }) => {
    const status = (await withApi({ crms: false }, (send) => send('GET', '/api/v1/status'))) as {
      lanes: Row[]
      paused: Row[]
      brakes: Row[]
      firstSync: string
      conflicts: number
      deadLetters: number
      frozen: number
      review: number
      records: Record<string, { canonical: number; linked: number; review: number }>
    }
    if (o.json) return printJson(status)
    print(
      table(
        ['entity', 'records', 'linked', 'for review'],
        Object.entries(status.records).map(([e, r]) => [e, r.canonical, r.linked, r.review]),
      ),
    )
    if (status.lanes.length > 0)
      print(
        table(
          ['connection', 'read', 'inbox', 'to write', 'later', 'to confirm', 'held'],
          status.lanes.map((l) => [
            String(l.connection),
            l.synced ? 'yes' : 'no',
            Number(l.inbox),
            Number(l.outbox),
            Number(l.later),
            Number(l.openWrites),
            String(l.held ?? ''),
          ]),
        ),
      )
    else print('Nothing is running; these are the stored figures.')
    for (const p of status.paused) print(`PAUSED ${p.scope}: ${p.reason} (concordat resume ${p.scope})`)
    for (const b of status.brakes)
      print(`BRAKE ${b.connection} ${b.entity}: ${b.count} ${b.kind}s of ${b.total} are ${b.state} (concordat runs approve)`)
    print(
      `${status.conflicts} conflicts, ${status.deadLetters} dead letters, ${status.frozen} frozen records, ${status.review} for review.`,
    )
  })

  json(
    program.command('verify').description('Read both CRMs completely and compare; exit 2 when something is unexplained'),
  ).action(async (o: { json?: boolean }) => {
    const { list, ...summary } = (await withApi({ crms: true }, (send) => send('POST', '/api/v1/verify'))) as {
      list: Row[]
      compared: number
      fields: number
      differences: number
      unexplained: number
      byReason: Record<string, number>
    }
    if (o.json)
      printJson({
        ...summary,
        differences: list.map(({ externalId: _, ...d }) => d),
        differenceCount: summary.differences,
      })
    else {
      print(
        `${summary.compared} rows, ${summary.fields} fields compared: ${summary.differences} differences, ${summary.unexplained} unexplained.`,
      )
      for (const [reason, n] of Object.entries(summary.byReason)) print(`  ${n} ${reason}`)
      const rows = list.filter((d) => d.reason === null).slice(0, 50)
      if (rows.length > 0)
        print(
          table(
            ['entity', 'record', 'field', 'canonical', 'in the CRMs'],
            rows.map((d) => [
              String(d.entity),
              String(d.recordId ?? d.externalId),
              String(d.field),
              short(d.canonical, 40),
              short(d.values, 60),
            ]),
          ),
        )
    }
    finish(summary.unexplained > 0 ? 2 : 0)
  })

  json(
    program
      .command('records')
      .description('List or search records')
      .argument('[query]', 'part of a name, domain or e-mail')
      .option('--entity <entity>')
      .option('--limit <n>', '', '50')
      .option('--id <id>', 'one record, with its links and journal'),
  )
    .addHelpText(
      'after',
      '\nExamples:\n  npm run -s concordat -- records acme --entity account\n  npm run -s concordat -- records --id 0f9c…',
    )
    .action(async (query: string | undefined, o: { json?: boolean; entity?: string; limit: string; id?: string }) => {
      if (o.id) {
        const found = await withApi({ crms: false }, async (send) => ({
          ...((await send('GET', `/api/v1/records/${o.id}`)) as Row),
          journal: await send('GET', `/api/v1/records/${o.id}/journal`),
        }))
        return printJson(found)
      }
      const params = new URLSearchParams({
        limit: o.limit,
        ...(o.entity && { entity: o.entity }),
        ...(query && { q: query }),
      })
      const { items, next } = (await withApi({ crms: false }, (send) => send('GET', `/api/v1/records?${params}`))) as List
      if (o.json) return printJson({ items, next })
      print(
        table(
          ['id', 'entity', 'name', 'version'],
          items.map((r) => {
            const f = r.fields as Row
            return [
              String(r.id),
              String(r.entity),
              short(f.name ?? [f.firstName, f.lastName].filter(Boolean).join(' ')),
              Number(r.version),
            ]
          }),
        ),
      )
    })

  const listCommand = (name: string, description: string, path: string, head: string[], row: (r: Row) => (string | number)[]) =>
    json(program.command(name).description(`${description}; exit 2 when there are any`).option('--limit <n>', '', '50')).action(
      async (o: { json?: boolean; limit: string }) => {
        const { items, next } = (await withApi({ crms: false }, (send) =>
          send('GET', `${path}?limit=${encodeURIComponent(o.limit)}`),
        )) as List
        if (o.json) printJson({ items, next })
        else print(items.length === 0 ? `No ${name}.` : table(head, items.map(row)))
        finish(items.length > 0 ? 2 : 0)
      },
    )
  listCommand(
    'conflicts',
    'Fields that both sides changed',
    '/api/v1/conflicts',
    ['id', 'entity', 'name', 'field', 'sides', 'why'],
    (r) => [
      String(r.id),
      String(r.entity),
      short(r.name, 30),
      String(r.field),
      short(
        (r.sides as Row[]).map((s) => s.value),
        50,
      ),
      short(r.why, 40),
    ],
  )
  listCommand(
    'matches',
    'Ambiguous links and possible duplicates',
    '/api/v1/matches',
    ['id', 'entity', 'row', 'records', 'reason'],
    (r) => [
      String(r.id),
      String(r.entity),
      `${r.connection} ${r.externalId}`,
      (r.recordIds as string[]).length,
      short(r.reason, 50),
    ],
  )

  const frozen = program.command('frozen').description('Records that were deleted on one side and stand in the way on another')
  json(
    frozen
      .command('list', { isDefault: true })
      .description('List them; exit 2 when there are any')
      .option('--limit <n>', '', '50'),
  ).action(async (o: { json?: boolean; limit: string }) => {
    const { items, next } = (await withApi({ crms: false }, (send) =>
      send('GET', `/api/v1/frozen?limit=${encodeURIComponent(o.limit)}`),
    )) as List
    if (o.json) printJson({ items, next })
    else
      print(
        items.length === 0
          ? 'No frozen records.'
          : table(
              ['id', 'entity', 'name', 'why'],
              items.map((r) => [String(r.id), String(r.entity), short(r.name, 30), short(r.why, 120)]),
            ),
      )
    finish(items.length > 0 ? 2 : 0)
  })
  json(
    frozen
      .command('decide')
      .argument('<id>')
      .addArgument(new Argument('<decision>').choices(['delete', 'keep']))
      .description('delete: its rows go everywhere; keep: the sides that lost theirs get a new one'),
  )
    .addHelpText('after', '\nExample:\n  npm run -s concordat -- frozen decide 0f9c… keep')
    .action(async (id: string, decision: string, o: { json?: boolean }) => {
      const done = await withApi({ crms: true }, (send) =>
        send('POST', `/api/v1/records/${encodeURIComponent(id)}/decide`, { decision }),
      )
      if (o.json) printJson(done)
      else print(decision === 'delete' ? 'Its rows will be deleted.' : 'It is kept; missing rows are made anew.')
    })

  const letters = program.command('dead-letters').description('Values that a CRM refused')
  json(
    letters
      .command('list', { isDefault: true })
      .description('List them; exit 2 when there are any')
      .option('--limit <n>', '', '50'),
  ).action(async (o: { json?: boolean; limit: string }) => {
    const { items, next } = (await withApi({ crms: false }, (send) =>
      send('GET', `/api/v1/dead-letters?limit=${encodeURIComponent(o.limit)}`),
    )) as List
    if (o.json) printJson({ items, next })
    else
      print(
        items.length === 0
          ? 'No dead letters.'
          : table(
              ['id', 'where', 'entity', 'field', 'value', 'why'],
              items.map((r) => [
                String(r.id),
                `${r.connection} ${r.externalId ?? '(new)'}`,
                String(r.entity),
                String(r.field),
                short(r.value, 30),
                short(r.message, 70),
              ]),
            ),
      )
    finish(items.length > 0 ? 2 : 0)
  })
  json(letters.command('retry').argument('<id>').description('Send it again')).action(
    async (id: string, o: { json?: boolean }) => {
      const done = await withApi({ crms: false }, (send) => send('POST', `/api/v1/dead-letters/${encodeURIComponent(id)}/retry`))
      if (o.json) printJson(done)
      else print('Queued again.')
    },
  )

  for (const [name, description] of [
    ['pause', 'Stop all writes at once, or those of a connection or entity'],
    ['resume', 'Let writes go on'],
  ] as const) {
    json(
      program
        .command(name)
        .description(description)
        .argument('[scope]', 'a connection or an entity', 'all')
        .option('--reason <text>'),
    ).action(async (scope: string, o: { json?: boolean; reason?: string }) => {
      const done = (await withApi({ crms: false }, (send) =>
        send('POST', `/api/v1/${name}`, { scope, ...(o.reason && { reason: o.reason }) }),
      )) as { paused: Row[] }
      if (o.json) return printJson(done)
      print(done.paused.length === 0 ? 'Nothing is paused.' : `Paused: ${done.paused.map((p) => p.scope).join(', ')}`)
    })
  }

  const runs = program.command('runs').description('Runs, and what waits for approval')
  json(runs.command('list', { isDefault: true }).description('List runs and brakes')).action(async (o: { json?: boolean }) => {
    const found = await withApi({ crms: false }, async (send) => ({
      runs: ((await send('GET', '/api/v1/runs')) as List).items,
      brakes: ((await send('GET', '/api/v1/brakes')) as List).items,
    }))
    if (o.json) return printJson(found)
    print(
      found.brakes.length === 0
        ? 'Nothing waits for approval.'
        : table(
            ['connection', 'entity', 'what', 'count', 'of', 'state'],
            found.brakes.map((b) => [
              String(b.connection),
              String(b.entity),
              String(b.kind),
              Number(b.count),
              Number(b.total),
              String(b.state),
            ]),
          ),
    )
  })
  json(
    runs
      .command('approve')
      .description('Let braked deletes and clears go on')
      .option('--connection <name>')
      .option('--entity <entity>'),
  ).action(async (o: { json?: boolean; connection?: string; entity?: string }) => {
    const done = (await withApi({ crms: false }, (send) =>
      send('POST', '/api/v1/brakes:approve', {
        ...(o.connection && { connection: o.connection }),
        ...(o.entity && { entity: o.entity }),
      }),
    )) as { approved: number }
    if (o.json) printJson(done)
    else print(done.approved === 0 ? 'Nothing waited for approval.' : `Approved ${done.approved}.`)
  })

  const connection = program.command('connection').description('Connections to CRMs')
  json(connection.command('list', { isDefault: true }).description('List connections')).action(async (o: { json?: boolean }) => {
    const status = (await withApi({ crms: true }, (send) => send('GET', '/api/v1/status'))) as {
      connections: Row[]
    }
    if (o.json) return printJson(status.connections)
    print(
      table(
        ['name', 'CRM', 'account', 'local', 'writing'],
        status.connections.map((c) => [
          String(c.name),
          String(c.kind),
          String(c.account),
          c.sandbox ? 'yes' : 'no',
          c.writesEnabled ? 'on' : 'off',
        ]),
      ),
    )
  })
  for (const [name, enabled] of [
    ['enable-writes', true],
    ['disable-writes', false],
  ] as const) {
    json(
      connection
        .command(name)
        .argument('<name>')
        .description(enabled ? 'Switch writing to a CRM on' : 'Switch writing to a CRM off'),
    ).action(async (target: string, o: { json?: boolean }) => {
      const done = await withApi({ crms: false }, (send) =>
        send('POST', `/api/v1/connections/${encodeURIComponent(target)}/writes`, { enabled }),
      )
      if (o.json) printJson(done)
      else print(`Writing to ${target} is ${enabled ? 'on' : 'off'}.`)
    })
  }

  json(
    connection
      .command('map-user')
      .argument('<name>', 'the connection')
      .argument('<email>', 'as the record has it')
      .argument('[there]', 'as that CRM has it; left out: take the entry back')
      .description('Say who a user is in a CRM where the e-mail addresses differ'),
  )
    .addHelpText('after', '\nExample:\n  npm run -s concordat -- connection map-user hubspot ann@old.example ann@new.example')
    .action(async (target: string, email: string, there: string | undefined, o: { json?: boolean }) => {
      const done = await withApi({ crms: true }, (send) =>
        send('POST', `/api/v1/connections/${encodeURIComponent(target)}/users`, { email, there: there ?? null }),
      )
      if (o.json) printJson(done)
      else print(there ? `${email} is ${there} in ${target}.` : `${email} is matched by its own address in ${target} again.`)
    })

  const mapping = program.command('mapping').description('Field mappings')
  json(
    mapping
      .command('check')
      .argument('<file>')
      .description('Check a mapping file against its CRM; exit 2 when something is wrong'),
  ).action(async (file: string, o: { json?: boolean }) => {
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
    async (name: string | undefined, entity: string | undefined, o: { json?: boolean }) => {
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

  const sandbox = program.command('sandbox').description('The two local CRMs')
  json(sandbox.command('info').description('Addresses and tokens of the running local CRMs')).action(async () =>
    printJson(await withApi({ crms: true }, (send) => send('GET', '/api/v1/sandbox'))),
  )
  json(
    sandbox
      .command('generate')
      .description('Make a world of another size in a data folder')
      .option('--accounts <n>', '', '1200')
      .option('--contacts <n>')
      .option('--deals <m>', '', '8800')
      .option('--partners <n>', '', '40')
      .option('--seed <s>', '', '1')
      .requiredOption('--home <dir>', 'the data folder to make it in'),
  )
    .addHelpText(
      'after',
      '\nExample:\n  npm run -s concordat -- sandbox generate --accounts 5000 --deals 20000 --seed 7 --home ./big\n  CONCORDAT_HOME=./big npm start',
    )
    .action(
      async (o: {
        json?: boolean
        accounts: string
        contacts?: string
        deals: string
        partners: string
        seed: string
        home: string
      }) => {
        const numbers = {
          accounts: o.accounts,
          contacts: o.contacts ?? String(Math.round(Number(o.accounts) * 2.5)),
          deals: o.deals,
          partners: o.partners,
          seed: o.seed,
        }
        for (const [name, value] of Object.entries(numbers))
          if (!/^\d+$/.test(value)) throw new CommandError(`--${name} ${value} is no whole number; for example --${name} 1000`)
        const folder = resolve(o.home, 'sandbox')
        if (Number(numbers.accounts) < 1 || Number(numbers.partners) < 1)
          throw new CommandError('a world has at least one account and one partner; for example --accounts 100 --partners 4')
        if (existsSync(folder)) throw new CommandError(`${folder} exists already; choose another folder`)
        const made = await startSandbox({
          folder,
          world: {
            accounts: Number(numbers.accounts),
            contacts: Number(numbers.contacts),
            deals: Number(numbers.deals),
            partners: Number(numbers.partners),
            seed: Number(numbers.seed),
          },
        })
        const counts = made.world.counts()
        await made.stop()
        if (o.json) printJson(counts)
        else print(`Made in ${folder}. Start it with CONCORDAT_HOME=${o.home} npm start`)
      },
    )
}
