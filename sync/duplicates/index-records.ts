import type { RecordRow } from '../../mappings/state.ts'
import type { Tx } from '../../store/database.ts'
import * as index from '../../store/match-index.ts'
import { keyOfChildren, keysOfSubject, sortOf, subjectOf } from '../match/canonical.ts'
import { type Subject, valuesOf } from '../match/subject.ts'

/** Keeps records findable by what they hold. */

/** A value under the name that it is counted by: what accounts hold says nothing of contacts. */
export const termOf = (sort: string, kind: string, value: string): string => `${sort} ${kind} ${value}`
/** Counts records: how rare a value is depends on how many there are. */
export const recordsTerm = (sort: string): string => `${sort} records`

/** What is found under which keys. A record that was deleted is found under none. */
export function indexed({ id, entity, fields, deleted }: RecordRow, subject: Subject | undefined): index.Indexed {
  const sort = sortOf(entity)
  const account = fields.account?.v
  const keys = [
    ...(subject ? keysOfSubject(entity, subject) : []),
    ...(typeof account === 'string' ? [keyOfChildren(account)] : []),
  ]
  const terms: string[] = []
  // What is asked for or is on its way says nothing of how common a name is among what there is.
  if (subject && sort && isCounted(entity)) {
    terms.push(recordsTerm(sort))
    for (const [kind, value] of valuesOf(subject)) terms.push(termOf(sort, kind, value))
  }
  return { recordId: id, entity, keys: deleted ? [] : keys, terms: deleted ? [] : terms }
}

/** Leads and registrations are about accounts that are, or will be, there themselves. */
const isCounted = (entity: string): boolean => entity !== 'lead' && entity !== 'registration'

/** Puts records into the index. @returns those that are found by something else than before, with what they say. */
export async function indexRecords(tx: Tx, found: readonly RecordRow[]): Promise<Map<string, Subject>> {
  const subjects = new Map<string, Subject>()
  const rows = found.map((record) => {
    const subject = record.deleted ? undefined : subjectOf(record.entity, record.id, record.fields)
    if (subject) subjects.set(record.id, subject)
    return indexed(record, subject)
  })
  // Two workers that index the same values take them in one order: counts are stored sorted.
  const changed = await index.putIndexed(tx, rows)
  return new Map([...subjects].filter(([id]) => changed.has(id)))
}
