import { setTimeout as wait } from 'node:timers/promises'
import type { Command } from 'commander'
import { CommandError, withApi } from './client.ts'
import { confirmed, type Finish, type JsonOption, json, type List, print, printJson, type Row } from './output.ts'
import { count, number, short, shown, table } from './print.ts'

interface Undo {
  id: string
  state: 'planned' | 'running' | 'finished'
  totals: { connection: string; entity: string; kind: string; outcome: string; n: number }[]
}

interface Options extends JsonOption {
  record?: string
  from?: string
  to?: string
  yes?: boolean
  plan?: boolean
}

/** Steps that a terminal shows; --json holds them all. */
const SHOWN = 30
const PAGE = 500
/** How often it is asked how an undo goes. */
const ASK_MS = 500

/** `concordat undo`: plan, carry out, list, show. */
export function addUndo(program: Command, finish: Finish): void {
  const undo = program
    .command('undo')
    .description('Take writes to the CRMs back: those of a run, of a record, or of a span of time')
    .addHelpText(
      'after',
      `
What people changed since is never overwritten: it is listed. Rows that were made are removed again, rows that were deleted
are restored (HubSpot: made anew, both ids are listed), values return to what they were. The other CRM keeps what it has:
the fields are then conflicts of the kind "undone", which "concordat conflicts" lists and settles.

Examples:
  npm run -s concordat -- runs
  npm run -s concordat -- undo 0197a1c2-5d1e-7f30-8a61-1f6f2f1f7c55
  npm run -s concordat -- undo --record 0197a1c2-5d1e-7f30-8a61-1f6f2f1f7c55 --plan
  npm run -s concordat -- undo --from 2026-03-01T08:00:00Z --to 2026-03-01T09:00:00Z --yes`,
    )
  json(
    undo
      .command('run', { isDefault: true })
      .argument('[run]', 'the id of a run; `concordat runs` lists them')
      .description('Show what would be taken back, ask, and do it; exit 2 when something was left as it is')
      .option('--record <id>', 'the writes to the rows of this record')
      .option('--from <time>', 'writes at this time or later, for example 2026-03-01T08:00:00Z')
      .option('--to <time>', 'writes before this time')
      .option('--plan', 'only show it; exit 2 when there is something to take back')
      .option('--yes', 'do not ask'),
  ).action(async (run: string | undefined, o: Options) => {
    finish(await withApi({ crms: true }, (send) => planAndRun(send, run, o)))
  })
  json(undo.command('list').description('Undos that were carried out')).action(async (o: JsonOption) => {
    const { items } = (await withApi({ crms: false }, (send) => send('GET', '/api/v1/undos'))) as List
    if (o.json) printJson({ items })
    else if (items.length === 0) print('Nothing was taken back yet.')
    else
      print(
        table(
          ['undo', 'of', 'state', 'at'],
          items.map((u) => [String(u.id), short(targetText(u.target as Row), 60), String(u.state), String(u.at)]),
        ),
      )
  })
  json(undo.command('show').argument('<id>').description('One undo, with what became of its steps')).action(
    async (id: string, o: JsonOption) => {
      await withApi({ crms: false }, async (send) => {
        const found = (await send('GET', `/api/v1/undos/${encodeURIComponent(id)}`)) as Undo
        await show(send, found, o)
      })
    },
  )
}

type Send = (method: string, path: string, body?: unknown) => Promise<unknown>

async function planAndRun(send: Send, run: string | undefined, o: Options): Promise<number> {
  const target = {
    ...(run && { run }),
    ...(o.record && { record: o.record }),
    ...(o.from && { from: time('--from', o.from) }),
    ...(o.to && { to: time('--to', o.to) }),
  }
  if (Object.keys(target).length === 0)
    throw new CommandError('say which writes: the id of a run (concordat runs lists them), --record ID, or --from and --to')
  const planned = (await send('POST', '/api/v1/undos', target)) as Undo
  const todo = total(planned, 'planned')
  if (o.plan || todo === 0) {
    await show(send, planned, o)
    return todo > 0 ? 2 : 0
  }
  if (!o.yes) {
    if (!o.json) await show(send, planned, o)
    if (!(await confirmed(`Take ${count(todo, 'row')} back?`))) {
      if (o.json) await show(send, planned, o)
      process.stderr.write('Nothing was changed. Say --yes to carry it out.\n')
      return 2
    }
  }
  let now = (await send('POST', `/api/v1/undos/${planned.id}/execute`)) as Undo
  let last = ''
  let still = 0
  while (now.state !== 'finished' && still < STALLED) {
    await wait(ASK_MS)
    now = (await send('GET', `/api/v1/undos/${planned.id}`)) as Undo
    const text = `  ${number(total(now, 'done'))} of ${number(todo)} taken back`
    still = text === last ? still + 1 : 0
    if (text !== last && !o.json) process.stderr.write(`${text}\n`)
    last = text
  }
  await show(send, now, o)
  if (now.state !== 'finished')
    process.stderr.write(
      `It goes on while Concordat runs (npm start); npm run -s concordat -- undo show ${planned.id} tells how far it is.\n`,
    )
  return total(now, 'kept') + total(now, 'refused') + total(now, 'planned') > 0 ? 2 : 0
}

/** Asked so often without anything moving, the command stops watching. */
const STALLED = 40

function time(option: string, given: string): string {
  const at = new Date(given)
  if (Number.isNaN(at.getTime())) throw new CommandError(`${option} ${given} is no time; write it like 2026-03-01T08:00:00Z`)
  return at.toISOString()
}

const total = (u: Undo, outcome: string): number => u.totals.filter((t) => t.outcome === outcome).reduce((n, t) => n + t.n, 0)

const targetText = (target: Row): string =>
  Object.entries(target)
    .map(([name, value]) => `${name} ${value}`)
    .join(' ')

async function stepsOf(send: Send, id: string, most: number): Promise<Row[]> {
  const found: Row[] = []
  let cursor: string | null = null
  do {
    const answer = (await send(
      'GET',
      `/api/v1/undos/${id}/steps?limit=${Math.min(PAGE, most)}${cursor ? `&cursor=${cursor}` : ''}`,
    )) as List
    found.push(...answer.items)
    cursor = answer.next
  } while (cursor && found.length < most)
  return found
}

const WORDS: Record<string, string> = { update: 'set back', remove: 'remove', restore: 'restore' }

async function show(send: Send, u: Undo, o: JsonOption): Promise<void> {
  if (o.json) return printJson({ ...u, steps: await stepsOf(send, u.id, Number.POSITIVE_INFINITY) })
  if (u.totals.length === 0) return print('There is nothing to take back.')
  print(
    table(
      ['connection', 'entity', 'do', 'rows', ''],
      u.totals.map((t) => [
        t.connection,
        t.entity,
        WORDS[t.kind] ?? t.kind,
        t.n,
        t.outcome === 'kept' ? 'left as it is' : t.outcome,
      ]),
    ),
  )
  const steps = await stepsOf(send, u.id, SHOWN)
  print(
    table(
      ['connection', 'do', 'record', 'row', 'fields', 'why'],
      steps.map((s) => [
        String(s.connection),
        s.outcome === 'kept' ? 'leave' : (WORDS[String(s.kind)] ?? String(s.kind)),
        short(s.name ?? s.recordId, 24),
        s.newExternalId ? `${s.externalId} -> ${s.newExternalId}` : String(s.externalId ?? ''),
        s.kind === 'update' ? changes(s.fields as Changes) : count(Object.keys(s.fields as Changes).length, 'field'),
        reasons(s),
      ]),
    ),
  )
  const all = u.totals.reduce((n, t) => n + t.n, 0)
  if (all > steps.length) print(`and ${number(all - steps.length)} more; --json lists them all`)
}

type Changes = Record<string, { from: unknown; to: unknown }>

const changes = (fields: Changes): string =>
  Object.entries(fields)
    .slice(0, 6)
    .map(([name, { from, to }]) => `${name}: ${shown(from)} -> ${shown(to)}`)
    .join('\n')

function reasons(step: Row): string {
  const kept = Object.entries(step.kept as Record<string, string>).map(([name, why]) =>
    name === '(row)' ? why : `${name}: ${why}`,
  )
  return short(kept.length > 0 ? kept.join('\n') : (step.reason ?? ''), 60)
}
