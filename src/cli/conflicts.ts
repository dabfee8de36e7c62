import type { Command } from 'commander'
import { CommandError, withApi } from './client.ts'
import { type Finish, type JsonOption, json, type List, print, printJson, type Row } from './output.ts'
import { short, table } from './print.ts'

/** `concordat conflicts`: list, show, resolve, always. */
export function addConflicts(program: Command, finish: Finish): void {
  const conflicts = program.command('conflicts').description('Fields that two sides changed to different values')

  json(
    conflicts
      .command('list', { isDefault: true })
      .description('List them; exit 2 when any are open')
      .option('--entity <entity>')
      .option('--field <field>')
      .option('--settled', 'those that are settled')
      .option('--limit <n>', '', '50'),
  ).action(async (o: JsonOption & { entity?: string; field?: string; settled?: boolean; limit: string }) => {
    const query = new URLSearchParams({
      limit: o.limit,
      state: o.settled ? 'settled' : 'open',
      ...(o.entity && { entity: o.entity }),
      ...(o.field && { field: o.field }),
    })
    const found = (await withApi({ crms: false }, (send) => send('GET', `/api/v1/conflicts?${query}`))) as List
    if (o.json) printJson(found)
    else if (found.items.length === 0) print('No conflicts.')
    else
      print(
        table(
          ['id', 'entity', 'name', 'field', 'agreed last', 'sides', 'kind'],
          found.items.map((c) => [
            String(c.id),
            String(c.entity),
            short(c.name, 24),
            String(c.field),
            short(c.base, 20),
            sides(c).join('\n'),
            String(c.kind),
          ]),
        ),
      )
    finish(!o.settled && found.items.length > 0 ? 2 : 0)
  })

  json(conflicts.command('show').argument('<id>').description('One conflict with its sides')).action(
    async (id: string, o: JsonOption) => {
      const c = (await withApi({ crms: false }, (send) => send('GET', `/api/v1/conflicts/${encodeURIComponent(id)}`))) as Row
      if (o.json) printJson(c)
      else
        print(
          table(
            ['', ''],
            [
              ['record', `${c.entity} ${c.name ?? ''} ${c.recordId}`],
              ['field', String(c.field)],
              ['agreed last', short(c.base, 80)],
              ['sides', sides(c, 80).join('\n')],
              ['policy', `${c.policy}: ${c.why}`],
              ['state', `${c.state}${c.settledBy ? ` by ${c.settledBy}` : ''}`],
            ],
          ),
        )
    },
  )

  json(
    conflicts
      .command('resolve')
      .argument('[id]')
      .description('Settle one, or with --all those of an entity or a field; exit 2 when one was refused')
      .option('--keep <side>', 'the side that is kept: record, or the name of a connection')
      .option('--value <json>', 'the value that every side gets; text that is no JSON is taken as it is')
      .option('--all', 'all open conflicts, or those of --entity and --field')
      .option('--entity <entity>')
      .option('--field <field>')
      .addHelpText(
        'after',
        `
Examples:
  npm run -s concordat -- conflicts resolve 0f9c… --keep salesforce
  npm run -s concordat -- conflicts resolve 0f9c… --value '{"amount":"1200","currency":"EUR"}'
  npm run -s concordat -- conflicts resolve --all --entity deal --field nextStep --keep hubspot`,
      ),
  ).action(async (id: string | undefined, o: ResolveOptions) => {
    if ((id === undefined) === !o.all) throw new CommandError('name one conflict, or say --all')
    if ((o.keep === undefined) === (o.value === undefined)) throw new CommandError('say either --keep or --value')
    const choice = o.keep === undefined ? { value: parsed(o.value!) } : { keep: o.keep }
    const done = (await withApi({ crms: true }, async (send) => {
      if (id === undefined)
        return send('POST', '/api/v1/conflicts:resolve', {
          ...choice,
          ...(o.entity && { entity: o.entity }),
          ...(o.field && { field: o.field }),
        })
      const path = `/api/v1/conflicts/${encodeURIComponent(id)}`
      const { rev } = (await send('GET', path)) as Row
      return send('POST', `${path}/resolve`, { rev, ...choice })
    })) as Row
    report(done, o, finish)
  })

  json(
    conflicts
      .command('always')
      .argument('<entity>')
      .argument('<field>')
      .argument('<policy>')
      .description('From now on a policy decides about a field: latest, fill, max, min, union, manual, or source:NAME')
      .addHelpText('after', '\nExample:\n  npm run -s concordat -- conflicts always deal amount source:salesforce'),
  ).action(async (entity: string, field: string, text: string, o: JsonOption) => {
    const policy = text.startsWith('source:') ? { source: text.slice('source:'.length) } : text
    const done = await withApi({ crms: true }, (send) => send('POST', '/api/v1/conflicts:always', { entity, field, policy }))
    report(done as Row, o, finish)
  })
}

interface ResolveOptions extends JsonOption {
  keep?: string
  value?: string
  all?: boolean
  entity?: string
  field?: string
}

/** Who holds what, one side a line. */
const sides = (c: Row, width = 40): string[] =>
  (c.sides as { side: string; origin: string; value: unknown; at: [number, number]; by?: string }[]).map((s) => {
    const from = s.origin && s.origin !== s.side && !s.side.startsWith(`${s.origin}-`) ? ` (from ${s.origin})` : ''
    return `${s.side}${from}: ${s.value === null ? '(blank)' : short(s.value, width)}${width > 40 ? ` ${changed(s)}` : ''}`
  })

const moment = (ms: number) => new Date(ms).toISOString().replace('T', ' ').slice(0, 19)

/** Who changed it and when, as far as anybody knows. */
function changed({ at, by }: { at: [number, number]; by?: string }): string {
  const [after, until] = at
  const when =
    until === 0
      ? ''
      : after === until
        ? `at ${moment(until)}`
        : after === 0
          ? `before ${moment(until)}`
          : `between ${moment(after)} and ${moment(until)}`
  return [by && `by ${by}`, when].filter(Boolean).join(', ')
}

/** A value as it was typed: JSON where it is some, else text. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function report(done: Row, o: JsonOption, finish: Finish): void {
  const results = (done.results ?? [done]) as { id: string; ok: boolean; error?: { message: string } }[]
  const refused = results.filter((r) => !r.ok)
  if (o.json) printJson(done)
  else {
    print(`${results.length - refused.length} settled.`)
    for (const r of refused) print(`${r.id}: ${r.error?.message}`)
  }
  finish(refused.length > 0 ? 2 : 0)
}
