import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as fuzzball from 'fuzzball'
import pg from 'pg'
import { compareTwoStrings } from 'string-similarity'
import { type Evaluation, type EvaluationFiles, evaluate } from '../src/match/evaluate.ts'
import { readClusters, readPairs, readRecords } from '../src/match/read-records.ts'
import { pairKey } from '../sync/match/clusters.ts'
import { mapColumns } from '../sync/match/columns.ts'
import { matchSources, matchWithin } from '../sync/match/match-sets.ts'
import { keyOf } from '../sync/match/metrics.ts'
import type { ScoredPair } from '../sync/match/pairs.ts'
import type { Kind } from '../sync/match/score.ts'

/** The labelled sets lie beside the project; where they are absent nothing is measured. */
const DATA = process.env.MATCH_DATA ?? fileURLToPath(new URL('../../shared/data/', import.meta.url))

/** One configuration for all: only the kind differs, and what of a set is looked at. */
const SETS: readonly { name: string; kind: Kind; where?: [column: string, values: string[]] }[] = [
  { name: 'companies-eu-dev', kind: 'company' },
  { name: 'chicago-sites-dev', kind: 'company' },
  { name: 'venues-dev', kind: 'company' },
  { name: 'fodors-zagat', kind: 'company' },
  { name: 'dblp-acm', kind: 'generic' },
  { name: 'persons-febrl4', kind: 'person' },
  { name: 'contacts-fake1000', kind: 'person' },
  { name: 'amazon-google', kind: 'generic' },
  { name: 'deal-registrations-dev', kind: 'deal' },
  { name: 'name-pairs-dev', kind: 'company', where: ['schema', ['Company', 'Organization', 'LegalEntity']] },
]

export interface MatchRow {
  set: string
  f1: number
  precision: number
  recall: number
  oneToOne: number | null
  recallAt99: number
  candidateRecall: number
  candidates: number
  seconds: number
  /** Best F1 that the alternative reaches with the threshold tuned for this set, over the same candidates. */
  fuzzball: number | null
  stringSimilarity: number | null
  pgTrgm: number | null
}

/** The duplicate check on every labelled set, beside what one would build from packages. */
export async function benchMatch(only?: string): Promise<MatchRow[]> {
  const rows: MatchRow[] = []
  for (const { name, kind, where } of SETS) {
    if (only && !name.startsWith(only)) continue
    const files = filesOf(name)
    if (!files) continue
    const e = await evaluate(files, { kind, map: new Map(), where: where && new Map([where]), wrong: 0 })
    rows.push({ set: name, ...figures(e), ...(await alternatives(files, kind)) })
  }
  return rows
}

const figures = (e: Evaluation) => ({
  f1: round(e.pairs.f1),
  precision: round(e.pairs.precision),
  recall: round(e.pairs.recall),
  oneToOne: e.oneToOne && round(e.oneToOne.f1),
  recallAt99: round(e.recallAt99Precision),
  candidateRecall: round(e.candidateRecall),
  candidates: Math.round(e.candidatesPerRecord * 10) / 10,
  seconds: Math.round(e.seconds * 10) / 10,
})

const round = (x: number): number => Math.round(x * 10_000) / 10_000

function filesOf(name: string): EvaluationFiles | undefined {
  const at = (file: string) => join(DATA, name, file)
  const is = (file: string) => existsSync(at(file))
  if (is('pairs.csv')) return { pairs: at('pairs.csv') }
  if (is('records.csv')) return { records: at('records.csv'), clusters: at('clusters.csv') }
  if (is('left.csv'))
    return { left: at('left.csv'), right: at('right.csv'), matches: is('labels.csv') ? at('labels.csv') : at('matches.csv') }
  return undefined
}

type Alternatives = Pick<MatchRow, 'fuzzball' | 'stringSimilarity' | 'pgTrgm'>

/** Weighted fields: most of the weight on the first field (the name), the rest on the others together. */
const NAME_WEIGHT = 0.6

async function alternatives(files: EvaluationFiles, kind: Kind): Promise<Alternatives> {
  if ('pairs' in files || kind === 'deal') return { fuzzball: null, stringSimilarity: null, pgTrgm: null }
  const { pairs, rows, truth } = await candidatesOf(files, kind)
  const texts = pairs.map((p) => [textsOf(rows.get(p.a.id)!), textsOf(rows.get(p.b.id)!)] as const)
  const best = (scores: readonly number[]) =>
    bestF1(
      pairs.map((p, i) => ({ key: keyOf(p), score: scores[i]! })),
      truth,
    )
  const weighted = (of: (a: string, b: string) => number) =>
    texts.map(([a, b]) => NAME_WEIGHT * of(a.name, b.name) + (1 - NAME_WEIGHT) * of(a.rest, b.rest))
  return {
    fuzzball: best(weighted((a, b) => fuzzball.token_sort_ratio(a, b))),
    stringSimilarity: best(weighted(compareTwoStrings)),
    pgTrgm: process.env.DATABASE_URL ? best(await trigrams(texts)) : null,
  }
}

async function candidatesOf(files: Exclude<EvaluationFiles, { pairs: string }>, kind: Kind) {
  const map = new Map<string, string>()
  if ('records' in files) {
    const { subjects, rows } = await readRecords(files.records, { source: '', map })
    const { groups } = await readClusters(files.clusters, '', (id) => rows.has(id))
    const truth = new Set(groups.flatMap((ids) => ids.flatMap((a, i) => ids.slice(i + 1).map((b) => pairKey(a, b)))))
    return { pairs: matchWithin(subjects, kind).pairs as ScoredPair[], rows, truth }
  }
  const left = await readRecords(files.left, { source: 'L', map })
  const right = await readRecords(files.right, { source: 'R', map })
  const rows = new Map([...left.rows, ...right.rows])
  const { labels } = await readPairs(files.matches, ['L', 'R'], (id) => rows.has(id))
  const truth = new Set([...labels.keys()].map(([a, b]) => pairKey(a, b)))
  return { pairs: matchSources(left.subjects, right.subjects, kind).pairs, rows, truth }
}

/** The name as people would choose it, and all else that the engine looks at. */
function textsOf(row: Record<string, string>): { name: string; rest: string } {
  const roles = mapColumns(Object.keys(row))
  const text = (named: boolean) =>
    [...roles]
      .filter(([, role]) => NAMES.has(role) === named)
      .map(([column]) => row[column]!.toLowerCase())
      .filter(Boolean)
      .join(' ')
  return { name: text(true), rest: text(false) }
}
const NAMES: ReadonlySet<string> = new Set(['name', 'given', 'surname', 'fullname'])

function bestF1(scored: { key: string; score: number }[], truth: ReadonlySet<string>): number {
  let right = 0
  let best = 0
  scored
    .sort((a, b) => b.score - a.score)
    .forEach(({ key }, i) => {
      if (truth.has(key)) right++
      best = Math.max(best, (2 * right) / (i + 1 + truth.size))
    })
  return round(best)
}

async function trigrams(
  texts: readonly (readonly [{ name: string; rest: string }, { name: string; rest: string }])[],
): Promise<number[]> {
  const client = new pg.Client({ connectionString: process.env.DATABASE_URL })
  await client.connect()
  try {
    await client.query('create extension if not exists pg_trgm')
    const out: number[] = []
    for (let i = 0; i < texts.length; i += 5_000) {
      const part = texts.slice(i, i + 5_000)
      const { rows } = await client.query<{ s: number }>(
        `select ${NAME_WEIGHT} * similarity(a, c) + ${1 - NAME_WEIGHT} * similarity(b, d) as s
         from unnest($1::text[], $2::text[], $3::text[], $4::text[]) with ordinality as r(a, b, c, d, n) order by n`,
        [part.map(([x]) => x.name), part.map(([x]) => x.rest), part.map(([, y]) => y.name), part.map(([, y]) => y.rest)],
      )
      out.push(...rows.map((r) => Number(r.s)))
    }
    return out
  } finally {
    await client.end()
  }
}
