import { basename } from 'node:path'
import { mapColumns, UnknownColumn } from '../../sync/match/columns.ts'
import { parseSubject, type Raw, type Role, type Subject } from '../../sync/match/subject.ts'
import { csvRows, FileError } from '../csv.ts'

/** CSV files of records, as they are handed to `concordat match`. */

export interface Records {
  subjects: Subject[]
  /** The rows as they stand, by the subject's id. */
  rows: Map<string, Record<string, string>>
  roles: Set<Role>
  /** Rows that were left out, with the reason. */
  problems: string[]
}

export interface ReadOptions {
  /** What the file is called in the pair: ids of two files may be alike. */
  source: string
  /** `column=role`, as in --map. */
  map: ReadonlyMap<string, string>
}

/**
 * Reads records. A row without an id, or with an id that was already there, is left out and told of.
 *
 * @throws FileError for an empty file, a missing id column, and columns of --map that are not there.
 */
export async function readRecords(path: string, { source, map }: ReadOptions): Promise<Records> {
  const label = basename(path)
  const problems: string[] = []
  const subjects: Subject[] = []
  const rows = new Map<string, Record<string, string>>()
  let roles: Map<string, Role> | undefined
  let idColumn = ''
  for await (const { row, line } of csvRows(path, problems)) {
    if (!roles) {
      const header = Object.keys(row)
      idColumn = header.find((h) => h.toLowerCase() === 'id') ?? header[0]!
      roles = columnsOf(
        header.filter((h) => h !== idColumn),
        map,
        label,
      )
    }
    const id = row[idColumn]?.trim()
    if (!id) problems.push(`${label} line ${line}: no ${idColumn}; the row is left out`)
    else if (rows.has(source + id))
      problems.push(`${label} line ${line}: ${idColumn} ${id} was there before; the row is left out`)
    else {
      const raw: Raw = {}
      for (const [column, role] of roles) if (row[column]) raw[role] = raw[role] ? `${raw[role]} ${row[column]}` : row[column]
      subjects.push(parseSubject(source + id, source, raw))
      rows.set(source + id, row)
    }
  }
  if (!roles) throw new FileError(`${label} has no rows; it needs a heading and at least one record`)
  return { subjects, rows, roles: new Set(roles.values()), problems }
}

function columnsOf(header: readonly string[], map: ReadonlyMap<string, string>, label: string): Map<string, Role> {
  try {
    // A column of --map may stand in one of two files only.
    const roles = mapColumns(header, new Map([...map].filter(([column]) => header.includes(column))))
    if (roles.size === 0)
      throw new FileError(
        `${label}: none of its columns (${header.join(', ')}) is known; say what they are with --map COLUMN=ROLE`,
      )
    return roles
  } catch (error) {
    if (error instanceof UnknownColumn) throw new FileError(`${label}: ${error.message}`)
    throw error
  }
}

export interface TruePairs {
  /** Pairs of subject ids with their label, `duplicate` where the file has none. */
  labels: Map<readonly [string, string], string>
  problems: string[]
}

/**
 * Reads pairs that are known: two columns of ids, and a label where there are several kinds.
 *
 * @param known whether a subject of that id was read.
 */
export async function readPairs(
  path: string,
  sources: readonly [string, string],
  known: (id: string) => boolean,
): Promise<TruePairs> {
  const label = basename(path)
  const problems: string[] = []
  const labels = new Map<readonly [string, string], string>()
  for await (const { row, line } of csvRows(path, problems)) {
    const columns = Object.keys(row)
    const left = row.left_id ?? row[columns[0]!]
    const right = row.right_id ?? row[columns[1]!]
    const labelColumn = columns.find((c) => c.toLowerCase() === 'label')
    if (!left || !right) {
      problems.push(`${label} line ${line}: it needs two ids, ${columns.slice(0, 2).join(' and ')}; the pair is left out`)
      continue
    }
    const pair = [sources[0] + left.trim(), sources[1] + right.trim()] as const
    const missing = pair.find((id) => !known(id))
    if (missing) problems.push(`${label} line ${line}: no record has the id ${missing.slice(1)}; the pair is left out`)
    else labels.set(pair, labelColumn ? labelOf(row[labelColumn]!) : 'duplicate')
  }
  if (labels.size === 0) throw new FileError(`${label} names no pair of these records; it needs two columns of ids`)
  return { labels, problems }
}

const LABELS = new Map([
  ['1', 'duplicate'],
  ['true', 'duplicate'],
  ['match', 'duplicate'],
  ['0', 'distinct'],
  ['false', 'distinct'],
])
const labelOf = (text: string): string => LABELS.get(text.trim().toLowerCase()) ?? text.trim().toLowerCase()

export interface LabelledPairs {
  pairs: { left: Subject; right: Subject; label: string }[]
  rows: Map<string, Record<string, string>>
  roles: Set<Role>
  problems: string[]
}

/**
 * Reads pairs that stand in one file: columns left_NAME and right_NAME, and a label.
 *
 * @param where only rows whose column holds one of the values.
 */
export async function readLabelledPairs(
  path: string,
  { map, where = new Map() }: { map: ReadonlyMap<string, string>; where?: ReadonlyMap<string, readonly string[]> | undefined },
): Promise<LabelledPairs> {
  const label = basename(path)
  const problems: string[] = []
  const out: LabelledPairs = { pairs: [], rows: new Map(), roles: new Set(), problems }
  let roles: Map<string, Role> | undefined
  for await (const { row, line } of csvRows(path, problems)) {
    const columns = Object.keys(row)
    roles ??= columnsOf(
      columns.filter((c) => c.startsWith('left_')).map((c) => c.slice('left_'.length)),
      map,
      label,
    )
    for (const column of where.keys())
      if (!columns.includes(column))
        throw new FileError(`${label}: there is no column ${column}; the file has ${columns.join(', ')}`)
    if ([...where].some(([column, values]) => !values.includes(row[column]!))) continue
    if (!row.label) {
      problems.push(`${label} line ${line}: no label; the pair is left out`)
      continue
    }
    const side = (prefix: string): Subject => {
      const raw: Raw = {}
      for (const [column, role] of roles!) if (row[prefix + column]) raw[role] = row[prefix + column]
      return parseSubject(`${prefix}${line}`, prefix, raw)
    }
    const [left, right] = [side('left_'), side('right_')]
    out.pairs.push({ left, right, label: labelOf(row.label) })
    out.rows.set(left.id, row).set(right.id, row)
  }
  if (out.pairs.length === 0)
    throw new FileError(`${label} has no labelled pairs; it needs columns left_NAME, right_NAME and label`)
  out.roles = new Set(roles!.values())
  return out
}

/** Reads which records are one thing: `id,cluster_id`. */
export async function readClusters(
  path: string,
  source: string,
  known: (id: string) => boolean,
): Promise<{ groups: string[][]; problems: string[] }> {
  const label = basename(path)
  const problems: string[] = []
  const groups = new Map<string, string[]>()
  for await (const { row, line } of csvRows(path, problems)) {
    const columns = Object.keys(row)
    const id = source + (row.id ?? row[columns[0]!] ?? '').trim()
    const cluster = row.cluster_id ?? row[columns[1]!]
    if (!cluster) problems.push(`${label} line ${line}: no ${columns[1] ?? 'cluster_id'}; the row is left out`)
    else if (!known(id))
      problems.push(`${label} line ${line}: no record has the id ${id.slice(source.length)}; the row is left out`)
    else groups.set(cluster, [...(groups.get(cluster) ?? []), id])
  }
  if (groups.size === 0) throw new FileError(`${label} names none of these records; it needs the columns id and cluster_id`)
  return { groups: [...groups.values()], problems }
}
