import { closeSync, createReadStream, existsSync, openSync, readFileSync, writeSync } from 'node:fs'
import { createInterface } from 'node:readline'

/**
 * An append-only file of JSON lines: what the sandbox's CRMs must not forget when the process is killed.
 * A line is handed to the operating system before the HTTP answer leaves, so SIGKILL loses nothing that
 * a client was told. (Power loss may: it is a sandbox.)
 */
export class Journal {
  #file: number | undefined
  #buffer: string[] = []
  readonly path: string | undefined

  /** @param path where to keep it; undefined keeps nothing (tests). */
  constructor(path?: string) {
    this.path = path
  }

  /** Reads what an earlier process wrote, in order. A torn last line is dropped: nobody was told of it. */
  async *replay(): AsyncGenerator<unknown> {
    if (!this.path || !existsSync(this.path)) return
    for await (const line of createInterface({
      input: createReadStream(this.path),
      crlfDelay: Number.POSITIVE_INFINITY,
    })) {
      if (line === '') continue
      try {
        yield JSON.parse(line)
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error
      }
    }
  }

  open(): void {
    if (!this.path) return
    // A torn last line must not glue itself to the first new one.
    const torn = existsSync(this.path) && !readFileSync(this.path).subarray(-1).equals(Buffer.from('\n'))
    this.#file = openSync(this.path, 'a')
    if (torn) writeSync(this.#file, '\n')
  }

  append(entry: unknown): void {
    if (this.#file === undefined) return
    this.#buffer.push(JSON.stringify(entry))
    if (this.#buffer.length >= 1000) this.flush()
  }

  /** Called before an answer leaves. */
  flush(): void {
    if (this.#file === undefined || this.#buffer.length === 0) return
    writeSync(this.#file, `${this.#buffer.join('\n')}\n`)
    this.#buffer = []
  }

  close(): void {
    this.flush()
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
  }
}
