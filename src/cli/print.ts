import Table from 'cli-table3'
import type { Summary } from '../summary.ts'

/** Tables for people. Machines use --json. */

export function table(head: string[], rows: (string | number | null | undefined)[][]): string {
  const t = new Table({
    head,
    style: { head: [], border: [], compact: true },
    colAligns: head.map((_, i) => (typeof rows[0]?.[i] === 'number' ? 'right' : 'left')),
  })
  for (const row of rows) t.push(row.map((cell) => (typeof cell === 'number' ? number(cell) : (cell ?? ''))))
  return t.toString()
}

export const number = (n: number): string => n.toLocaleString('en-US')

/** A number of things, in words. */
export const count = (n: number, thing: string): string => `${number(n)} ${thing}${n === 1 ? '' : 's'}`

/** Shortens a text to what fits a column. */
export const short = (value: unknown, length = 60): string => {
  const text = typeof value === 'string' ? value : value === null || value === undefined ? '' : JSON.stringify(value)
  return text.length > length ? `${text.slice(0, length - 1)}…` : text
}

/** A canonical value as people read it. */
export function shown(value: unknown, length = 28): string {
  if (value === null) return '(blank)'
  const money = value as { amount?: unknown; currency?: unknown }
  return short(typeof value === 'object' && money.amount !== undefined ? `${money.amount} ${money.currency}` : value, length)
}

export function printSummary(s: Summary): string {
  const out = [
    table(
      ['', 'Salesforce', 'HubSpot', 'canonical', 'linked', 'for review'],
      Object.entries(s.records).map(([entity, r]) => [entity, r.salesforce, r.hubspot, r.canonical, r.linked, r.review]),
    ),
    table(
      ['written', 'created', 'updated', 'cleared', 'deleted', 'calls', 'least possible'],
      Object.entries(s.written).map(([name, w]) => [
        name,
        w.created,
        w.updated,
        w.cleared,
        w.deleted,
        s.calls[name]?.used ?? 0,
        s.calls[name]?.minimum ?? 0,
      ]),
    ),
  ]
  const open = [
    s.conflicts > 0 ? `${number(s.conflicts)} conflicts wait for a person` : 'no conflicts',
    s.deadLetters > 0 ? `${number(s.deadLetters)} values were refused (concordat dead-letters)` : 'nothing was refused',
  ]
  if (s.overruled > 0)
    open.push(`${number(s.overruled)} differing values were decided by the mapping's first-link rule (in the journal)`)
  out.push(`${open.join('; ')}.`)
  if (s.verify) {
    const reasons = Object.entries(s.verify.byReason)
      .map(([reason, n]) => `${number(n)} ${reason}`)
      .join(', ')
    out.push(
      s.verify.unexplained === 0
        ? `Verified: ${number(s.verify.compared)} rows, ${number(s.verify.fields)} fields compared; both CRMs agree${s.verify.differences > 0 ? ` except for ${number(s.verify.differences)} differences with a known reason: ${reasons}` : ''}.`
        : `Verify found ${number(s.verify.unexplained)} unexplained differences among ${number(s.verify.fields)} fields (concordat verify lists them).`,
    )
  }
  out.push(`Took ${s.seconds} s.`)
  return out.join('\n')
}
