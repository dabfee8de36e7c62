import type { Command } from 'commander'
import type { Evaluation, EvaluationFiles, Wrong } from '../match/evaluate.ts'
import { CommandError, withApi } from './client.ts'
import { type JsonOption, json, print, printJson, type Row } from './output.ts'
import { number, short, table } from './print.ts'

interface EvaluateOptions extends JsonOption {
  left?: string
  right?: string
  matches?: string
  records?: string
  clusters?: string
  pairs?: string
  kind?: string
  map?: string
  where?: string
  wrong?: string
}

const KINDS = ['company', 'person', 'deal', 'generic'] as const

/** `concordat match`. */
export function addMatch(program: Command): void {
  const match = program.command('match').description('How duplicates are told, and how well')
  json(
    match
      .command('tune')
      .description('What your answers to possible duplicates say about where the line is drawn, and what another line would do')
      .option('--apply', 'draw it there from now on'),
  )
    .addHelpText('after', '\nExamples:\n  npm run -s concordat -- match tune\n  npm run -s concordat -- match tune --apply')
    .action(async (o: JsonOption & { apply?: boolean }) => {
      const found = (await withApi({ crms: false }, (send) => send(o.apply ? 'POST' : 'GET', '/api/v1/matches:tune'))) as {
        kinds: Row[]
      }
      if (o.json) return printJson(found)
      if (found.kinds.length === 0) return print('Nothing was listed yet: answer possible duplicates first (concordat matches).')
      print(
        table(
          ['', 'answers', 'bits now', 'bits then', 'wrong now', 'wrong then', 'waiting: surer', 'less sure'],
          found.kinds.map((k) => {
            const s = k.suggestion as Row | null
            const bits = (n: unknown) => Number(n).toFixed(1)
            return s
              ? [
                  String(k.kind),
                  Number(k.answers),
                  bits(k.shift),
                  bits(s.shift),
                  Number(s.wrongNow),
                  Number(s.wrongThen),
                  Number(k.surer),
                  Number(k.lessSure),
                ]
              : [String(k.kind), Number(k.answers), bits(k.shift), 'too few answers', '', '', '', '']
          }),
        ),
      )
      print(
        o.apply
          ? 'New scores go by it from now on; what is listed stays as it is.'
          : 'Nothing was changed. With --apply it counts from now on.',
      )
    })
  json(
    match
      .command('evaluate')
      .description('Measure the duplicate check on records of which you know what is one thing; CSV files with an id column')
      .option('--left <file>', 'records of one system')
      .option('--right <file>', 'records of another')
      .option(
        '--matches <file>',
        'left_id,right_id of the pairs that are one thing; a column label (duplicate, review) for deals',
      )
      .option('--records <file>', 'records of one system, to find those that stand there twice')
      .option('--clusters <file>', 'id,cluster_id of these records')
      .option('--pairs <file>', 'pairs in one file: left_NAME, right_NAME, label')
      .option('--where <column=value>', 'only these rows of the pairs; several values with |')
      .option('--kind <kind>', `what the records are: ${KINDS.join(', ')} (told from the columns otherwise)`)
      .option('--map <column=role,…>', 'what a column is, where its heading does not say so; column= leaves one out')
      .option('--wrong <n>', 'show so many of the pairs that were called wrongly', '0')
      .addHelpText(
        'after',
        `
Examples:
  npm run -s concordat -- match evaluate --left crm.csv --right partners.csv --matches known.csv
  npm run -s concordat -- match evaluate --records accounts.csv --clusters known.csv --wrong 20
  npm run -s concordat -- match evaluate --left a.csv --right b.csv --matches m.csv --map firma=name,ort=city --json`,
      ),
  ).action(async (o: EvaluateOptions) => {
    // The engine is loaded by those that run it.
    const { evaluate } = await import('../match/evaluate.ts')
    const result = await evaluate(filesOf(o), {
      kind: kindOf(o.kind),
      map: pairsOf(o.map, '--map'),
      where: new Map([...pairsOf(o.where, '--where')].map(([column, values]) => [column, values.split('|')])),
      wrong: wrongOf(o.wrong),
    })
    if (o.json) return printJson(o.wrong === '0' ? { ...result, wrong: undefined } : result)
    for (const problem of result.problems) process.stderr.write(`${problem}\n`)
    show(result)
  })
}

function filesOf(o: EvaluateOptions): EvaluationFiles {
  if (o.pairs) return { pairs: o.pairs }
  if (o.records && o.clusters) return { records: o.records, clusters: o.clusters }
  if (o.left && o.right && o.matches) return { left: o.left, right: o.right, matches: o.matches }
  throw new CommandError('name --left, --right and --matches, or --records and --clusters, or --pairs')
}

function kindOf(text: string | undefined): (typeof KINDS)[number] | undefined {
  if (text === undefined) return undefined
  const kind = KINDS.find((k) => k === text)
  if (!kind) throw new CommandError(`--kind ${text} is none of ${KINDS.join(', ')}`)
  return kind
}

function pairsOf(text: string | undefined, option: string): Map<string, string> {
  const pairs = (text ?? '').split(',').filter(Boolean)
  return new Map(
    pairs.map((pair): [string, string] => {
      const at = pair.indexOf('=')
      if (at < 1) throw new CommandError(`${option} ${pair}: write it like column=value`)
      return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()]
    }),
  )
}

function wrongOf(text: string | undefined): number {
  const n = Number(text)
  if (!Number.isInteger(n) || n < 0) throw new CommandError(`--wrong ${text} is no number of pairs`)
  return n
}

const share = (x: number): string => x.toFixed(4)

function show(e: Evaluation): void {
  const rows: [string, string, string, string][] = [
    ['all pairs', share(e.pairs.precision), share(e.pairs.recall), share(e.pairs.f1)],
  ]
  if (e.oneToOne) rows.push(['one to one', share(e.oneToOne.precision), share(e.oneToOne.recall), share(e.oneToOne.f1)])
  print(table([e.kind, 'precision', 'recall', 'F1'], rows))
  print(
    table(
      ['recall at 99 % precision', 'review share', 'candidate recall', 'candidates a record', 'seconds', 'peak memory MB'],
      [
        [
          share(e.recallAt99Precision),
          share(e.reviewShare),
          share(e.candidateRecall),
          e.candidatesPerRecord.toFixed(1),
          e.seconds.toFixed(1),
          number(Math.round(e.peakMemoryMb)),
        ],
      ],
    ),
  )
  if (e.confusion) {
    const labels = Object.keys(e.confusion)
    print(
      table(
        ['truth \\ verdict', ...labels],
        labels.map((l) => [l, ...labels.map((v) => e.confusion![l]![v] ?? 0)]),
      ),
    )
  }
  for (const w of e.wrong) showWrong(w)
}

function showWrong({ verdict, truth, left, right, explanation: e }: Wrong): void {
  print(`\n${verdict}, but is ${truth} (${(e.probability * 100).toFixed(1)} %)`)
  for (const row of [left, right]) print(`  ${short(Object.values(row).filter(Boolean).join(' · '), 150)}`)
  print(`  ${e.sentence}`)
  print(`  ${e.evidence.map((f) => `${f.comparison}: ${f.level} ${f.weight >= 0 ? '+' : ''}${f.weight.toFixed(1)}`).join('; ')}`)
}
