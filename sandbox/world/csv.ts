import { readFileSync } from 'node:fs'
import { CsvError, parse } from 'csv-parse'

/** CSV files as CRMs and spreadsheets write them. */

export interface ImportReport {
  rows: Record<string, number>
  problems: string[]
}

/** Exports that cannot be read; the message says which file and what to do. */
export class ImportError extends Error {
  override name = 'ImportError'
  /** A person's to mend: shown as one line. */
  readonly expected = true
}

export interface File {
  name: string
  path: string
  label: string
}

/** Rows of a file with the line on which each begins. What is odd about the file as a whole goes into the report. */
export async function* rowsOf(file: File, report: ImportReport): AsyncGenerator<{ row: Record<string, string>; line: number }> {
  const text = textOf(file, report)
  const [heading = ''] = text.split(/\r?\n/, 1)
  // Spreadsheets write what their country's decimal comma leaves free.
  const delimiter = [',', ';', '\t'].sort((a, b) => heading.split(b).length - heading.split(a).length)[0]!
  const parser = parse(text, {
    columns: (header: string[]) => header.map((h) => h.trim()),
    delimiter,
    bom: true,
    relax_column_count: true,
    skip_empty_lines: true,
    info: true,
  })
  // csv-parse tells the line on which a row ends; the next one begins after it.
  let next = 2
  try {
    for await (const { record, info } of parser as AsyncIterable<{
      record: Record<string, string>
      info: { lines: number }
    }>) {
      yield { row: record, line: Math.min(next, info.lines) }
      next = info.lines + 1
    }
  } catch (error) {
    if (error instanceof CsvError)
      throw new ImportError(`${file.label}: ${error.message}; mend the file, or export it again as comma-separated UTF-8`)
    throw error
  }
}

/** Text of a file: UTF-8, UTF-16 where it says so, or what older programs on Windows write. */
function textOf(file: File, report: ImportReport): string {
  const bytes = readFileSync(file.path)
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    report.problems.push(`${file.label}: it is no UTF-8 and was read as Windows-1252; look whether names are right`)
    return new TextDecoder('windows-1252').decode(bytes)
  }
}

/** A file of which no heading means anything to the CRM is somebody else's. */
export function known(file: File, headers: string[], isKnown: (header: string) => boolean, example: string): void {
  if (headers.length > 0 && !headers.some(isKnown))
    throw new ImportError(
      `${file.label}: none of its columns (${headers.slice(0, 5).join(', ')}) is one of the CRM's; it needs a heading such as ${example}`,
    )
}
