import type { Entity } from '../../mappings/model/model.ts'
import type { RecordRow } from '../../mappings/state.ts'
import type { Tx } from '../../store/database.ts'
import * as index from '../../store/match-index.ts'
import * as records from '../../store/records.ts'
import { MOST_CANDIDATES } from '../match/candidates.ts'
import { keysOfSubject, kindOfEntity, sortOf, subjectOf } from '../match/canonical.ts'
import { Census } from '../match/census.ts'
import type { ScoredPair } from '../match/pairs.ts'
import { scoreAmong } from '../match/single.ts'
import { type Subject, valuesOf } from '../match/subject.ts'
import { recordsTerm, termOf } from './index-records.ts'

/** Looks for the records that are the same thing as some others, by keys and then by everything they hold. */

/** Records under one key beyond which it tells nothing. */
const MOST_HOLDERS = 200
export interface Likeness {
  pair: ScoredPair
  /** The record that was found; the pair's other side is the one that was asked about. */
  record: RecordRow
}

/**
 * @param asked of one sort: accounts, or contacts.
 * @param among entities whose records are looked for.
 * @param under keys are looked for behind this prefix.
 * @param counted whether those that are asked about are counted in the census themselves.
 * @returns per record asked about, what was compared with it, the likest first.
 */
export async function lookFor(
  tx: Tx,
  asked: readonly { entity: Entity; subject: Subject }[],
  among: readonly Entity[],
  { counted, under = '' }: { counted: boolean; under?: string },
): Promise<Map<string, Likeness[]>> {
  const found = new Map<string, Likeness[]>()
  const [first] = asked
  if (!first) return found
  const sort = sortOf(first.entity)!
  const proposals = await proposalsFor(tx, asked, among, sort, under)
  const wanted = [...new Set([...proposals.values()].flat())]
  const read = new Map((await records.readRecords(tx, wanted)).filter((r) => !r.deleted).map((r) => [r.id, r]))
  const subjects = new Map<string, Subject>()
  for (const r of read.values()) {
    const subject = subjectOf(r.entity, r.id, r.fields)
    if (subject) subjects.set(r.id, subject)
  }
  const { [kindOfEntity(first.entity)]: shift = 0 } = await index.shifts(tx)
  const census = await censusFor(tx, sort, [...asked.map((a) => a.subject), ...subjects.values()], counted)
  for (const { entity, subject } of asked) {
    const kind = kindOfEntity(entity)
    const pairs = (proposals.get(subject.id) ?? []).flatMap((id): Likeness[] => {
      const other = subjects.get(id)
      return other ? [{ pair: scoreAmong(subject, other, kind, census, shift), record: read.get(id)! }] : []
    })
    found.set(
      subject.id,
      pairs.sort((x, y) => y.pair.score - x.pair.score || (x.record.id < y.record.id ? -1 : 1)),
    )
  }
  return found
}

async function proposalsFor(
  tx: Tx,
  asked: readonly { entity: Entity; subject: Subject }[],
  among: readonly Entity[],
  sort: string,
  under: string,
): Promise<Map<string, string[]>> {
  const world = new Census()
  world.records = (await index.countsOf(tx, [recordsTerm(sort)])).get(recordsTerm(sort)) ?? 0
  return index.candidatesOf(
    tx,
    asked.map(({ entity, subject }) => ({
      id: subject.id,
      keys: keysOfSubject(entity, subject).map((k) => `${under}${k}`),
    })),
    { among, most: MOST_HOLDERS, pool: MOST_CANDIDATES, world: world.world },
  )
}

/** What is known of how common the values are that these records hold. */
async function censusFor(tx: Tx, sort: string, subjects: readonly Subject[], counted: boolean): Promise<Census> {
  // Of two that are compared both are counted, or only the one that was there before.
  const census = new Census(counted ? 2 : 1)
  const named = new Map<string, Parameters<Census['add']>>()
  for (const s of subjects) {
    if (s.domain && s.name) census.addHolder(s.domain, s.name.words[0]!)
    for (const [kind, value] of valuesOf(s)) named.set(termOf(sort, kind, value), [kind, value])
  }
  const records_ = recordsTerm(sort)
  const counts = await index.countsOf(tx, [...named.keys(), records_])
  for (const [term, n] of counts) {
    const of = named.get(term)
    if (of) census.add(of[0], of[1], n)
  }
  census.records = counts.get(records_) ?? 0
  return census
}
