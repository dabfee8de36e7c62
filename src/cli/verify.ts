import type { Command } from 'commander'
import { CommandError, withApi } from './client.ts'
import { type Finish, type JsonOption, json, print, printJson, type Row } from './output.ts'
import { number, short, table } from './print.ts'

/** Differences that a terminal shows. */
const SHOWN = 50

interface VerifyOptions extends JsonOption {
  sample?: string
  seed?: string
  repair?: boolean
  history?: boolean
  calls?: string
  anew?: boolean
}

interface Verified {
  list: Row[]
  compared: number
  fields: number
  differences: number
  unexplained: number
  byReason: Record<string, number>
  sample?: { rows: number; of: number; seed: string; disagreeAtMost: number }
  queued?: number
  complete?: boolean
  resumed?: boolean
}

/** `concordat verify`. */
export function addVerify(program: Command, finish: Finish): void {
  json(
    program
      .command('verify')
      .description('Read both CRMs and compare; exit 2 when something is unexplained')
      .option('--sample <rows>', 'only so many rows of each connection, drawn at random')
      .option('--seed <text>', 'draw the same sample again')
      .option('--repair', 'queue what may put unexplained differences right; the lanes do it, and the brake holds them')
      .option('--calls <n>', 'rest after so many calls; the next verify goes on there')
      .option('--anew', 'begin anew instead of going on with one that was not finished')
      .option('--history', 'earlier verifications: whether the systems drift')
      .addHelpText(
        'after',
        `
Examples:
  npm run -s concordat -- verify
  npm run -s concordat -- verify --sample 500
  npm run -s concordat -- verify --calls 200
  npm run -s concordat -- verify --repair`,
      ),
  ).action(async (o: VerifyOptions) => {
    if (o.history) return showHistory(o)
    const sample = numberOf(o.sample, '--sample', 'rows; for example --sample 500')
    const calls = numberOf(o.calls, '--calls', 'calls; for example --calls 200')
    const { list, ...summary } = (await withApi({ crms: true }, (send) =>
      send('POST', '/api/v1/verify', {
        ...(sample && { sample }),
        ...(o.seed && { seed: o.seed }),
        ...(o.repair && { repair: true }),
        ...(calls && { calls }),
        ...(o.anew && { anew: true }),
      }),
    )) as Verified
    if (o.json)
      printJson({
        ...summary,
        differences: list.map(({ externalId: _, ...d }) => d),
        differenceCount: summary.differences,
      })
    else showResult(summary, list)
    finish(summary.unexplained > 0 ? 2 : 0)
  })
}

function numberOf(text: string | undefined, option: string, what: string): number | undefined {
  if (text === undefined) return undefined
  const n = Number(text)
  if (!Number.isInteger(n) || n <= 0) throw new CommandError(`${option} ${text} is no number of ${what}`)
  return n
}

function showResult(summary: Omit<Verified, 'list'>, list: Row[]): void {
  print(
    `${number(summary.compared)} rows, ${number(summary.fields)} fields compared: ${number(summary.differences)} differences, ${number(summary.unexplained)} unexplained.`,
  )
  for (const [reason, n] of Object.entries(summary.byReason)) print(`  ${number(n)} ${reason}`)
  if (summary.resumed) print('It went on with a verification that had not been finished.')
  if (summary.complete === false) print('Not everything has been compared yet: the next verify goes on here.')
  if (summary.sample)
    print(
      `A sample of ${number(summary.sample.of)} linked rows (seed ${summary.sample.seed}): with 95 % confidence at most ${(summary.sample.disagreeAtMost * 100).toFixed(2)} % of them disagree without a reason. Rows that are missing or unknown it cannot see.`,
    )
  const rows = list.filter((d) => d.reason === null).slice(0, SHOWN)
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
  if (summary.unexplained > rows.length) print(`and ${number(summary.unexplained - rows.length)} more; --json lists them`)
  if (summary.queued !== undefined)
    print(`${number(summary.queued)} differences are queued to be put right; verify again in a while.`)
}

async function showHistory(o: JsonOption): Promise<void> {
  const { items } = (await withApi({ crms: false }, (send) => send('GET', '/api/v1/verify/history'))) as { items: Row[] }
  if (o.json) printJson({ items })
  else if (items.length === 0) print('Nothing has been verified yet.')
  else
    print(
      table(
        ['at', 'rows', 'differences', 'unexplained'],
        items.map((v) => [String(v.at), Number(v.compared), Number(v.differences), Number(v.unexplained)]),
      ),
    )
}
