import { userInfo } from 'node:os'
import type { Command } from 'commander'
import { CommandError, withApi } from './client.ts'
import { confirmed, type Finish, type JsonOption, json, type List, print, printJson, type Row } from './output.ts'
import { shown, table } from './print.ts'

/** `concordat merges`: preview, make, list, undo, in-crm. */

interface Choice extends JsonOption {
  rule?: string[]
  value?: string[]
  yes?: boolean
}

const collect = (value: string, before: string[] = []) => [...before, value]

export function addMerges(program: Command, finish: Finish): void {
  const merges = program.command('merges').description('Records that are one thing: make one of two, take it back')
  json(merges.command('list', { isDefault: true }).description('Merges so far').option('--limit <n>', '', '50')).action(
    async (o: JsonOption & { limit: string }) => {
      const { items, next } = (await withApi({ crms: false }, (send) =>
        send('GET', `/api/v1/merges?limit=${encodeURIComponent(o.limit)}`),
      )) as List
      if (o.json) return printJson({ items, next })
      print(
        items.length === 0
          ? 'No merges.'
          : table(
              ['merge', 'stays', 'went', 'by', 'when', ''],
              items.map((m) => [
                String(m.id),
                String(m.survivorId),
                String(m.otherId),
                String(m.by),
                String(m.at),
                m.undoneAt ? 'taken back' : '',
              ]),
            ),
      )
    },
  )
  json(
    merges
      .command('make')
      .argument('<record>', 'the record that stays')
      .argument('<other>', 'the record that goes')
      .description('Show what would come of it, ask, and merge; exit 2 when it was not done')
      .option(
        '--rule <field=rule>',
        'first, recent, complete, longest, or source:NAME,NAME; field `default` for all others',
        collect,
      )
      .option('--value <field=value>', 'a value of your own', collect)
      .option('--yes', 'do not ask'),
  )
    .addHelpText(
      'after',
      '\nExamples:\n  npm run -s concordat -- merges make 0f9c… 1a2b… --rule name=longest --rule default=recent\n  npm run -s concordat -- merges undo 77aa…',
    )
    .action(async (record: string, other: string, o: Choice) => finish(await make(record, other, o)))
  json(
    merges.command('undo').argument('<merge>').description('Take a merge back; what was changed since stays and is listed'),
  ).action(async (id: string, o: JsonOption) => {
    const done = (await withApi({ crms: true }, (send) =>
      send('POST', `/api/v1/merges/${encodeURIComponent(id)}/undo`, {}),
    )) as Row
    if (o.json) return printJson(done)
    const kept = done.kept as Row[]
    print('Both records are as they were.')
    if (kept.length > 0)
      print(
        table(
          ['record', 'field', 'left, because'],
          kept.map((k) => [String(k.recordId), String(k.field), String(k.why)]),
        ),
      )
  })
  json(
    merges
      .command('in-crm')
      .argument('<record>')
      .argument('<row>', 'the id of the row that goes')
      .description('Merge a row that is listed as a duplicate in its CRM as well. No CRM can take that back')
      .requiredOption('--connection <name>', 'which CRM'),
  ).action(async (record: string, row: string, o: JsonOption & { connection: string }) => {
    const done = (await withApi({ crms: true }, (send) =>
      send('POST', `/api/v1/records/${encodeURIComponent(record)}/merge-in-crm`, { connection: o.connection, confirm: row }),
    )) as Row
    if (o.json) printJson(done)
    else print(`${done.merged} was merged into ${done.keep} in ${done.connection}.`)
  })
}

async function make(record: string, other: string, o: Choice): Promise<number> {
  const asked = {
    other,
    rules: rulesOf(o.rule ?? []),
    values: Object.fromEntries((o.value ?? []).map((v) => pair(v, '--value'))),
  }
  return withApi({ crms: true }, async (send) => {
    const preview = (await send('POST', `/api/v1/records/${encodeURIComponent(record)}/merge:preview`, asked)) as Row
    if (!o.json) {
      print(
        table(
          ['field', 'will be', 'by', 'instead of'],
          (preview.fields as Row[]).map((f) => [
            String(f.field),
            shown(f.value),
            String(f.rule),
            (f.lost as Row[]).map((l) => shown(l.value)).join(', '),
          ]),
        ),
      )
      const rows = preview.rows as Row[]
      if (rows.length > 0)
        print(
          table(
            ['row of the record that goes', '', 'becomes'],
            rows.map((r) => [String(r.connection), String(r.externalId ?? '(to be made)'), String(r.becomes)]),
          ),
        )
      for (const m of preview.inCrm as Row[])
        print(
          `In ${m.connection} both have a row; "merges in-crm" can merge ${m.merge} into ${m.keep} there, which cannot be taken back.`,
        )
    }
    if (!o.yes && !(await confirmed('Merge them?'))) {
      if (o.json) printJson({ preview, merge: null })
      else print('Nothing was changed. With --yes it is done without a question.')
      return 2
    }
    const done = (await send('POST', `/api/v1/records/${encodeURIComponent(record)}/merge`, {
      ...asked,
      by: userInfo().username,
    })) as Row
    if (o.json) printJson({ preview, merge: done.merge })
    else print(`Merged. To take it back: npm run -s concordat -- merges undo ${done.merge}`)
    return 0
  })
}

function pair(text: string, option: string): [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw new CommandError(`${option} ${text}: say FIELD=..., such as name=longest`)
  return [text.slice(0, at), text.slice(at + 1)]
}

const rulesOf = (given: string[]): Record<string, unknown> =>
  Object.fromEntries(
    given.map((g) => {
      const [field, rule] = pair(g, '--rule')
      return [field, rule.startsWith('source:') ? { source: rule.slice('source:'.length).split(',') } : rule]
    }),
  )
