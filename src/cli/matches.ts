import type { Command } from 'commander'
import { CommandError, withApi } from './client.ts'
import { addListing } from './listing.ts'
import { type Finish, type JsonOption, json, print, printJson, type Row } from './output.ts'
import { number, short, table } from './print.ts'

interface SettleOptions extends JsonOption {
  record?: string
  all?: boolean
  entity?: string
  connection?: string
}

/** `concordat matches`: list, accept, reject. */
export function addMatches(program: Command, finish: Finish): void {
  const matches = program.command('matches').description('Rows of which nobody can tell what they are, and possible duplicates')
  addListing(
    matches.command('list', { isDefault: true }).description('List them; exit 2 when there are any'),
    {
      path: '/api/v1/matches',
      none: 'No matches.',
      head: ['id', 'entity', 'row', 'records', 'reason'],
      row: (r) => [
        String(r.id),
        String(r.entity),
        r.externalId ? `${r.connection} ${r.externalId}` : '',
        short(((r.names as string[] | null) ?? []).join(' / '), 50),
        short(r.reason, 70),
      ],
    },
    finish,
  )
  json(
    matches.command('show').argument('<id>').description('Why records are taken for one: the evidence and what it weighs'),
  ).action(async (id: string, o: JsonOption) => {
    const found = (await withApi({ crms: false }, (send) => send('GET', `/api/v1/matches/${encodeURIComponent(id)}`))) as Row
    if (o.json) return printJson(found)
    print(`${((found.names as string[] | null) ?? []).join(' / ')}\n${found.reason}`)
    const told = found.explanation as Row | null
    if (!told) return
    print(
      table(
        ['evidence', 'bits'],
        (told.evidence as Row[]).map((e) => [`${e.comparison}: ${e.level}`, Number(e.weight).toFixed(1)]),
      ),
    )
    print(
      `Together ${Number(told.score).toFixed(1)} bits: ${Math.round(Number(told.probability) * 100)} % sure. They share ${(told.keys as string[]).length} keys.`,
    )
  })
  const settling = (name: 'accept' | 'reject', description: string) =>
    json(
      matches
        .command(name)
        .argument('[id]')
        .description(description)
        .option('--all', 'all that the answer fits, of an entity or a connection where one is named')
        .option('--entity <entity>', 'with --all')
        .option('--connection <name>', 'with --all'),
    )
  settling('accept', 'The row is the record: it is linked, or listed as a second row of it. Records are one: they are merged')
    .option('--record <id>', 'which record, where several are asked about')
    .addHelpText(
      'after',
      '\nExamples:\n  npm run -s concordat -- matches accept 0f9c…\n  npm run -s concordat -- matches accept --all --entity account',
    )
    .action((id: string | undefined, o: SettleOptions) => settle('accept', id, o))
  settling('reject', 'The row is none of the records: it becomes one of its own; or: records are not one')
    .addHelpText('after', '\nExample:\n  npm run -s concordat -- matches reject 0f9c…')
    .action((id: string | undefined, o: SettleOptions) => settle('reject', id, o))
}

async function settle(answer: 'accept' | 'reject', id: string | undefined, o: SettleOptions): Promise<void> {
  if ((id === undefined) === !o.all) throw new CommandError(`name a match, or say --all (concordat matches ${answer} --help)`)
  const done = (await withApi({ crms: true }, (send) =>
    id === undefined
      ? send('POST', '/api/v1/matches:settle', {
          answer,
          ...(o.entity && { entity: o.entity }),
          ...(o.connection && { connection: o.connection }),
        })
      : send(
          'POST',
          `/api/v1/matches/${encodeURIComponent(id)}/${answer}`,
          answer === 'accept' && o.record ? { record: o.record } : {},
        ),
  )) as { settled: number; left?: number }
  if (o.json) printJson(done)
  else
    print(
      `${number(done.settled)} settled; the rows are read again.${done.left ? ` ${number(done.left)} are left: the answer does not fit them.` : ''}`,
    )
}
