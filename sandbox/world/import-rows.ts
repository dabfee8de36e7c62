import type { File, ImportReport } from './csv.ts'
import { dateOf, numberOf } from './written.ts'

/** What the imports of both CRMs share: rows that are partly refused, and values as people write them. */

/** Takes what a CRM refuses out of a row, one value at a time, until it is accepted or nothing is left to take. */
export function createAround(
  fields: Record<string, unknown>,
  create: () => void,
  /** The field an error blames; undefined when it blames none of the row's. @throws what is no refusal. */
  blamed: (error: unknown) => { message: string; field: string | undefined },
  problem: (text: string) => void,
): boolean {
  for (;;) {
    try {
      create()
      return true
    } catch (error) {
      const { message, field } = blamed(error)
      problem(`${message}${field ? `; ${field} left blank` : '; row left out'}`)
      if (!field) return false
      delete fields[field]
    }
  }
}

/** Says something about a file once. */
export function noteOnce(report: ImportReport, file: File): (text: string) => void {
  const said = new Set<string>()
  return (text) => {
    if (!said.has(text)) report.problems.push(`${file.label}: ${text}`)
    said.add(text)
  }
}

const NUMBERS = new Set(['int', 'double', 'currency', 'percent', 'number'])

const DAYS = new Set(['date', 'datetime'])

/** A value as the API takes it, from how reports and spreadsheets write it. */
export function asWritten(type: string, value: string, header: string, note: (text: string) => void): string {
  if (NUMBERS.has(type)) return numberOf(value) ?? value
  const day = DAYS.has(type) ? dateOf(value) : undefined
  if (!day) return value
  if (day.ambiguous) note(`dates such as ${value} in "${header}" are read as month/day/year`)
  return type === 'datetime' ? `${day.iso}T00:00:00Z` : day.iso
}
