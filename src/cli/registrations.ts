import { userInfo } from 'node:os'
import type { Command } from 'commander'
import { csvRows } from '../csv.ts'
import { CommandError, withApi } from './client.ts'
import { addListing } from './listing.ts'
import { type Finish, type JsonOption, json, print, printJson, type Row } from './output.ts'
import { count, short, table } from './print.ts'

/** `concordat registrations`: submit, list, show, explain, approve, reject, withdraw, extend. */

/** Options of `submit`, and columns of its CSV, with the field that each stands for. */
const FIELDS: [option: string, field: string, what: string][] = [
  ['partner', 'partner', 'who registers it: a partner record by id or name'],
  ['by', 'submittedBy', 'the person, best by e-mail address'],
  ['account', 'accountName', 'the company it is about'],
  ['domain', 'accountDomain', "the company's web domain"],
  ['country', 'country', 'its country, such as US'],
  ['contact', 'contactName', 'who they talk to'],
  ['email', 'contactEmail', ''],
  ['phone', 'contactPhone', ''],
  ['deal', 'dealName', 'what the deal is called'],
  ['product', 'product', 'what is sold'],
  ['amount', 'amount', 'such as "48000 USD"'],
  ['close', 'expectedCloseDate', 'such as 2027-03-31'],
]
/** Sent in one call. */
const BATCH = 100

export function addRegistrations(program: Command, finish: Finish): void {
  const own = program.command('registrations').description('Deal registrations of partners')
  addListing(
    own.command('list', { isDefault: true }).description('List them; exit 2 when there are any'),
    {
      path: '/api/v1/registrations',
      none: 'No registrations.',
      head: ['id', 'account', 'deal', 'state', 'standing', 'decide by', 'why'],
      row: (r) => [
        String(r.recordId),
        short(r.accountName, 28),
        short(r.dealName, 24),
        String(r.state),
        String(r.standing ?? ''),
        short(r.dueAt, 17),
        short((r.decision as Row | null)?.why, 50),
      ],
    },
    finish,
  )
  const submit = json(own.command('submit').description('Register a deal, or those of a CSV file'))
  for (const [option, , what] of FIELDS) submit.option(`--${option} <text>`, what)
  submit
    .option('--csv <file>', `a file with columns named so (${FIELDS.map(([o]) => o).join(', ')})`)
    .addHelpText(
      'after',
      `
Examples:
  npm run -s concordat -- registrations submit --partner "Blue Peak" --account "Heron Robotics" --domain heronrobotics.com --product "Suite 2"
  npm run -s concordat -- registrations submit --csv deals.csv
Exit codes: 0 all were registered, 1 error, 2 some were refused.`,
    )
    .action(async (o: JsonOption & Record<string, string>) => finish(o.csv ? await submitFile(o.csv, o) : await submitOne(o)))
  json(own.command('show').argument('<id>').description('One registration, as its partner may see it')).action(
    async (id: string, o: JsonOption) => {
      const found = (await withApi({ crms: false }, (send) =>
        send('GET', `/api/v1/registrations/${encodeURIComponent(id)}`),
      )) as Row
      if (o.json) printJson(found)
      else print(standing(found))
    },
  )
  json(
    own
      .command('explain')
      .argument('<id>')
      .description('What stands beside it, which rule decided, and everything that happened'),
  ).action(async (id: string, o: JsonOption) => {
    const found = (await withApi({ crms: false }, (send) =>
      send('GET', `/api/v1/registrations/${encodeURIComponent(id)}/explanation`),
    )) as Row
    if (o.json) return printJson(found)
    const decision = found.decision as Row | null
    print(
      `${found.state}${found.standing ? `, ${found.standing}` : ''}${decision ? `: ${decision.why} (rule: ${decision.rule}; rules version ${found.rules ?? 'built in'})` : ''}`,
    )
    const findings = found.findings as Row[]
    if (findings.length > 0)
      print(
        table(
          ['beside it', 'record', 'name', 'account', 'because'],
          findings.map((f) => [
            String(f.kind),
            String(f.recordId),
            short(f.name, 28),
            f.otherProduct ? 'other product' : f.certain ? 'the same' : 'perhaps',
            short(f.because, 70),
          ]),
        ),
      )
    print(
      table(
        ['when', 'what', 'from', 'to', 'by', 'why'],
        (found.events as Row[]).map((e) => [
          short(e.at, 20),
          String(e.what),
          short(e.from, 14),
          short(e.to, 14),
          short(e.by, 20),
          short(e.why, 60),
        ]),
      ),
    )
  })
  for (const [name, description] of [
    ['approve', 'Approve it: it is protected, and its deal goes to the CRMs'],
    ['reject', 'Reject it'],
    ['withdraw', 'Take it back'],
  ] as const)
    json(
      own
        .command(name)
        .argument('<id>')
        .description(description)
        .requiredOption('--why <text>', 'why, for the record')
        .option('--tell <text>', 'what the partner is told'),
    ).action(async (id: string, o: JsonOption & { why: string; tell?: string }) => {
      const done = (await withApi({ crms: true }, (send) =>
        send('POST', `/api/v1/registrations/${encodeURIComponent(id)}/${name}`, {
          by: userInfo().username,
          why: o.why,
          ...(o.tell && { tell: o.tell }),
        }),
      )) as Row
      if (o.json) printJson(done)
      else print(standing(done))
    })
  json(
    own
      .command('extend')
      .argument('<id>')
      .description('Protect it for longer, as the rules allow')
      .requiredOption('--why <text>', 'why'),
  ).action(async (id: string, o: JsonOption & { why: string }) => {
    const done = (await withApi({ crms: true }, (send) =>
      send('POST', `/api/v1/registrations/${encodeURIComponent(id)}/extend`, { by: userInfo().username, why: o.why }),
    )) as Row
    if (o.json) printJson(done)
    else print(`Protected until ${done.protectedUntil}.`)
  })
}

const standing = (r: Row): string =>
  `${r.id}: ${r.state}${r.standing ? `, ${r.standing}` : ''}. ${r.message}${r.decideBy ? ` A decision is due by ${r.decideBy}.` : ''}${r.protectedUntil ? ` Protected until ${r.protectedUntil}.` : ''}`

function fieldsOf(given: Record<string, string | undefined>): Record<string, unknown> {
  const fields: Record<string, unknown> = {}
  for (const [option, field] of FIELDS) {
    const value = given[option]?.trim()
    if (!value) continue
    const money = /^([\d.,]+)\s*([A-Za-z]{3})?$/.exec(value)
    if (field !== 'amount') fields[field] = value
    else if (money) fields[field] = { amount: money[1]!.replaceAll(',', ''), currency: (money[2] ?? 'USD').toUpperCase() }
    else throw new CommandError(`amount ${value}: say a number and a currency, such as "48000 USD"`)
  }
  return fields
}

async function submitOne(o: JsonOption & Record<string, string>): Promise<number> {
  const done = (await withApi({ crms: true }, (send) => send('POST', '/api/v1/registrations', fieldsOf(o)))) as Row
  if (o.json) printJson(done)
  else print(standing(done))
  return 0
}

/** Each row for itself: one that is refused is told with its line, and the others go on. */
async function submitFile(file: string, o: JsonOption): Promise<number> {
  const problems: string[] = []
  const rows: { line: number; fields: Record<string, unknown> }[] = []
  for await (const { row, line } of csvRows(file, problems)) {
    const unknown = Object.keys(row).find((c) => !FIELDS.some(([option]) => option === c))
    if (unknown)
      throw new CommandError(`${file}: column ${unknown} is unknown; known are ${FIELDS.map(([option]) => option).join(', ')}`)
    try {
      rows.push({ line, fields: fieldsOf(row) })
    } catch (error) {
      problems.push(`line ${line}: ${(error as Error).message}`)
    }
  }
  if (rows.length === 0 && problems.length === 0) throw new CommandError(`${file} holds no rows`)
  const results: Row[] = []
  await withApi({ crms: true }, async (send) => {
    for (let i = 0; i < rows.length; i += BATCH) {
      const piece = rows.slice(i, i + BATCH)
      const answer = (await send('POST', '/api/v1/registrations:batch', { registrations: piece.map((p) => p.fields) })) as {
        results: Row[]
      }
      results.push(...answer.results.map((r, n) => ({ ...r, line: piece[n]!.line })))
    }
  })
  const refused = results.filter((r) => !r.ok)
  for (const r of refused) problems.push(`line ${r.line}: ${(r.error as Row).message}`)
  if (o.json) printJson({ results, problems })
  else {
    print(
      table(
        ['line', 'id', 'state', 'standing', 'message'],
        results
          .filter((r) => r.ok)
          .map((r) => [Number(r.line), String(r.id), String(r.state), String(r.standing ?? ''), short(r.message, 60)]),
      ),
    )
    for (const p of problems) print(p)
    print(`${count(results.length - refused.length, 'registration')} submitted, ${problems.length} refused.`)
  }
  return problems.length > 0 ? 2 : 0
}
