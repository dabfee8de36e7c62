import { basename } from 'node:path'
import { type ImportReport, rowsOf } from '../sandbox/world/csv.ts'

/** CSV files that a person hands to a command. */

/** A file that cannot be worked with; the message names it, the row and the column. */
export class FileError extends Error {
  override name = 'FileError'
  readonly expected = true
}

/**
 * The rows of a file with their lines, one after another.
 *
 * @param problems what is odd about the file as a whole is added to them.
 * @throws FileError for one that is not there.
 */
export async function* csvRows(path: string, problems: string[]): AsyncGenerator<{ row: Record<string, string>; line: number }> {
  const report: ImportReport = { rows: {}, problems }
  try {
    yield* rowsOf({ name: basename(path), path, label: basename(path) }, report)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT') throw new FileError(`${path} is not there`)
    if (code === 'EISDIR') throw new FileError(`${path} is a folder; name a CSV file`)
    throw error
  }
}
