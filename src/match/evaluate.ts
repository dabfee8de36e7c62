import { clusters, pairKey } from '../../sync/match/clusters.ts'
import { kindOf } from '../../sync/match/columns.ts'
import { compareDeals } from '../../sync/match/deals.ts'
import { type Explanation, explain } from '../../sync/match/explain.ts'
import { matchSources, matchWithin } from '../../sync/match/match-sets.ts'
import { keyOf, oneToOneQuality, type Quality, quality, qualityOf, recallAtPrecision } from '../../sync/match/metrics.ts'
import { probability, type ScoredPair } from '../../sync/match/pairs.ts'
import type { Kind } from '../../sync/match/score.ts'
import { scoreAlone } from '../../sync/match/single.ts'
import { judge } from '../../sync/match/verdict.ts'
import { readClusters, readLabelledPairs, readPairs, readRecords } from './read-records.ts'

/** How well the match engine does on records of which it is known what is one thing. */

export interface Evaluation {
  kind: Kind
  pairs: Quality
  /** Null where the records stand in one file: there a record may have several twins. */
  oneToOne: Quality | null
  recallAt99Precision: number
  /** Pairs that a person would be asked about, as a share of the pairs that are called duplicates or asked about. */
  reviewShare: number
  /** Share of the true pairs that were compared at all. */
  candidateRecall: number
  candidatesPerRecord: number
  seconds: number
  peakMemoryMb: number
  /** Deals: true label -> verdict -> pairs. Distinct pairs that were called distinct are not counted. */
  confusion?: Record<string, Record<string, number>>
  problems: string[]
  /** Pairs that were called wrongly, the surest mistakes first. */
  wrong: Wrong[]
}

export interface Wrong {
  truth: string
  verdict: string
  left: Record<string, string>
  right: Record<string, string>
  explanation: Explanation
}

export type EvaluationFiles =
  | { left: string; right: string; matches: string }
  | { records: string; clusters: string }
  /** One file of labelled pairs: left_NAME, right_NAME, label. */
  | { pairs: string }

export interface EvaluationOptions {
  kind?: Kind | undefined
  map: ReadonlyMap<string, string>
  /** Only pairs of a file of pairs whose column holds one of these values. */
  where?: ReadonlyMap<string, readonly string[]> | undefined
  /** Wrong pairs to tell. */
  wrong: number
}

export async function evaluate(files: EvaluationFiles, options: EvaluationOptions): Promise<Evaluation> {
  if ('left' in files) return evaluateSources(files, options)
  return 'records' in files ? evaluateWithin(files, options) : evaluateAlone(files.pairs, options)
}

async function evaluateSources(
  files: { left: string; right: string; matches: string },
  options: EvaluationOptions,
): Promise<Evaluation> {
  const left = await readRecords(files.left, { source: 'L', map: options.map })
  const right = await readRecords(files.right, { source: 'R', map: options.map })
  const rows = new Map([...left.rows, ...right.rows])
  const { labels, problems } = await readPairs(files.matches, ['L', 'R'], (id) => rows.has(id))
  const truth = new Map([...labels].map(([[a, b], label]) => [pairKey(a, b), label]))
  const kind = options.kind ?? kindOf(left.roles)
  const started = performance.now()
  const deals = kind === 'deal'
  const matched = matchSources(left.subjects, right.subjects, kind, { once: !deals })
  const sold = new Set(left.subjects.flatMap((s) => s.deal?.product ?? []))
  const verdicts = verdictsOf(matched.pairs, deals ? sold : undefined)
  const seconds = (performance.now() - started) / 1000
  const duplicates = new Set([...truth].filter(([, l]) => l === 'duplicate').map(([key]) => key))
  const labelled = new Set([...truth].filter(([, l]) => l !== 'distinct').map(([key]) => key))
  const found = [...verdicts].filter(([, v]) => v === 'duplicate').map(([key]) => key)
  const smaller = Math.min(left.subjects.length, right.subjects.length)
  return {
    kind,
    pairs: deals ? dealQuality(verdicts, truth) : quality(found, duplicates),
    oneToOne: deals ? null : oneToOneQuality(matched.pairs, duplicates, smaller),
    recallAt99Precision: recallAtPrecision(matched.pairs, deals ? labelled : duplicates),
    ...common(matched.pairs, verdicts, labelled, left.subjects.length, seconds),
    ...(deals && { confusion: confusionOf(verdicts, truth) }),
    problems: [...left.problems, ...right.problems, ...problems],
    wrong: wrongOf(matched.pairs, verdicts, truth, rows, options.wrong),
  }
}

async function evaluateWithin(files: { records: string; clusters: string }, options: EvaluationOptions): Promise<Evaluation> {
  const { subjects, rows, roles, problems } = await readRecords(files.records, { source: '', map: options.map })
  const known = await readClusters(files.clusters, '', (id) => rows.has(id))
  const truth = new Map(known.groups.flatMap(pairsWithin).map((key) => [key, 'duplicate']))
  const kind = options.kind ?? kindOf(roles)
  const started = performance.now()
  const matched = matchWithin(subjects, kind)
  const groups = clusters(
    subjects.map((s) => s.id),
    matched.pairs,
  )
  const verdicts = verdictsOf(matched.pairs, undefined)
  for (const [key, v] of verdicts) if (v === 'duplicate') verdicts.set(key, 'review')
  for (const key of groups.flatMap(pairsWithin)) verdicts.set(key, 'duplicate')
  const seconds = (performance.now() - started) / 1000
  const duplicates = new Set(truth.keys())
  return {
    kind,
    pairs: quality(
      [...verdicts].filter(([, v]) => v === 'duplicate').map(([key]) => key),
      duplicates,
    ),
    oneToOne: null,
    recallAt99Precision: recallAtPrecision(matched.pairs, duplicates),
    ...common(matched.pairs, verdicts, duplicates, subjects.length, seconds),
    problems: [...problems, ...known.problems],
    wrong: wrongOf(matched.pairs, verdicts, truth, rows, options.wrong),
  }
}

/** Pairs that stand alone: every pair is asked about, and nothing else is known. */
async function evaluateAlone(path: string, options: EvaluationOptions): Promise<Evaluation> {
  const { pairs, rows, roles, problems } = await readLabelledPairs(path, options)
  const kind = options.kind ?? kindOf(roles)
  const started = performance.now()
  const scored = pairs.map((p) => scoreAlone(p.left, p.right, kind))
  const seconds = (performance.now() - started) / 1000
  const truth = new Map(pairs.map((p) => [pairKey(p.left.id, p.right.id), p.label]))
  const duplicates = new Set([...truth].filter(([, l]) => l === 'duplicate').map(([key]) => key))
  const verdicts = verdictsOf(scored, undefined)
  const found = [...verdicts].filter(([, v]) => v === 'duplicate').map(([key]) => key)
  return {
    kind,
    pairs: quality(found, duplicates),
    oneToOne: null,
    recallAt99Precision: recallAtPrecision(scored, duplicates),
    ...common(scored, verdicts, duplicates, pairs.length, seconds),
    problems,
    wrong: wrongOf(scored, verdicts, truth, rows, options.wrong),
  }
}

const pairsWithin = (ids: readonly string[]): string[] => ids.flatMap((a, i) => ids.slice(i + 1).map((b) => pairKey(a, b)))

/** What is said of every pair that was compared. Of two deals of one account it is also asked whether they are one. */
function verdictsOf(pairs: readonly ScoredPair[], sold: ReadonlySet<string> | undefined): Map<string, string> {
  const verdicts = new Map<string, string>()
  for (const p of pairs) {
    const { verdict, because } = judge(p)
    if (verdict === 'distinct') continue
    if (!sold) verdicts.set(keyOf(p), verdict)
    else if (probability(p.score) >= 0.5)
      verdicts.set(
        keyOf(p),
        !because && compareDeals(p.a.deal ?? {}, p.b.deal ?? {}, sold).verdict === 'one deal' ? 'duplicate' : 'review',
      )
  }
  return verdicts
}

function common(
  pairs: readonly ScoredPair[],
  verdicts: ReadonlyMap<string, string>,
  truth: ReadonlySet<string>,
  records: number,
  seconds: number,
) {
  const compared = new Set(pairs.map(keyOf))
  const reviews = [...verdicts.values()].filter((v) => v === 'review').length
  return {
    reviewShare: verdicts.size ? reviews / verdicts.size : 0,
    candidateRecall: truth.size ? [...truth].filter((key) => compared.has(key)).length / truth.size : 1,
    candidatesPerRecord: pairs.length / records,
    seconds,
    peakMemoryMb: process.resourceUsage().maxRSS / 1024,
  }
}

/** Macro average of duplicate and review. */
function dealQuality(verdicts: ReadonlyMap<string, string>, truth: ReadonlyMap<string, string>): Quality {
  const [d, r] = ['duplicate', 'review'].map((label) => {
    const found = [...verdicts].filter(([, v]) => v === label)
    const right = found.filter(([key]) => truth.get(key) === label).length
    return qualityOf(right, found.length, [...truth.values()].filter((l) => l === label).length)
  }) as [Quality, Quality]
  return { precision: (d.precision + r.precision) / 2, recall: (d.recall + r.recall) / 2, f1: (d.f1 + r.f1) / 2 }
}

function confusionOf(
  verdicts: ReadonlyMap<string, string>,
  truth: ReadonlyMap<string, string>,
): Record<string, Record<string, number>> {
  const table: Record<string, Record<string, number>> = {}
  for (const label of ['duplicate', 'review', 'distinct']) table[label] = { duplicate: 0, review: 0, distinct: 0 }
  for (const key of new Set([...verdicts.keys(), ...truth.keys()])) {
    const label = truth.get(key) ?? 'distinct'
    table[label] ??= {}
    const row = table[label]
    const verdict = verdicts.get(key) ?? 'distinct'
    row[verdict] = (row[verdict] ?? 0) + 1
  }
  return table
}

function wrongOf(
  pairs: readonly ScoredPair[],
  verdicts: ReadonlyMap<string, string>,
  truth: ReadonlyMap<string, string>,
  rows: ReadonlyMap<string, Record<string, string>>,
  most: number,
): Wrong[] {
  if (most === 0) return []
  const wrong: Wrong[] = []
  for (const p of pairs) {
    const said = verdicts.get(keyOf(p)) ?? 'distinct'
    const is = truth.get(keyOf(p)) ?? 'distinct'
    if (said === is || (is === 'distinct' && said === 'review')) continue
    wrong.push({
      truth: is,
      verdict: said,
      left: rows.get(p.a.id)!,
      right: rows.get(p.b.id)!,
      explanation: explain(p),
    })
  }
  return wrong.sort((a, b) => Math.abs(b.explanation.score) - Math.abs(a.explanation.score)).slice(0, most)
}
