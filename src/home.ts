import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'

/** The data folder: who owns it, and what lies in it. */

/** Makes a folder and those above it. (Node's own `recursive` never returns where a file system refuses as /proc does.) */
function makeFolder(path: string): void {
  if (existsSync(path)) return
  makeFolder(dirname(path))
  mkdirSync(path)
}

const ownerSchema = z.object({ pid: z.number(), port: z.number(), since: z.string() })
export type Owner = z.infer<typeof ownerSchema>

/** The data folder belongs to another process. */
export class HomeBusy extends Error {
  override name = 'HomeBusy'
}

/** The data folder cannot be made or written. */
export class HomeUnusable extends Error {
  override name = 'HomeUnusable'
  readonly expected = true
}

/**
 * An exclusive lock on the folder. The operating system drops it when the process ends, however it ends:
 * two processes on one PGlite folder would lose committed rows without any error.
 */
export class HomeLock {
  readonly #lock: DatabaseSync
  readonly #owner: string

  private constructor(lock: DatabaseSync, owner: string) {
    this.#lock = lock
    this.#owner = owner
  }

  /** @throws HomeBusy naming the owner. */
  static take(home: string): HomeLock {
    const owner = join(home, 'owner.json')
    const lock = openLock(home)
    try {
      lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; CREATE TABLE IF NOT EXISTS held (x)')
    } catch (error) {
      lock.close()
      if (!/locked|busy/i.test((error as Error).message)) throw error
      const found = readOwner(home)
      throw new HomeBusy(
        `${home} is in use by process ${found?.pid ?? 'unknown'}${found ? ` on port ${found.port}, since ${found.since}` : ''}; stop it first, or set CONCORDAT_HOME to another folder`,
      )
    }
    return new HomeLock(lock, owner)
  }

  /** Tells others where to reach the owner. */
  announce(port: number): void {
    writeFileSync(this.#owner, JSON.stringify({ pid: process.pid, port, since: new Date().toISOString() } satisfies Owner))
  }

  release(): void {
    rmSync(this.#owner, { force: true })
    this.#lock.close()
  }
}

function openLock(home: string): DatabaseSync {
  try {
    makeFolder(home)
    return new DatabaseSync(join(home, 'lock'))
  } catch (error) {
    throw new HomeUnusable(
      `CONCORDAT_HOME: ${home} cannot be written (${(error as NodeJS.ErrnoException).code ?? (error as Error).message}); choose a folder of your own, for example CONCORDAT_HOME=./.concordat`,
    )
  }
}

export function readOwner(home: string): Owner | undefined {
  const path = join(home, 'owner.json')
  if (!existsSync(path)) return undefined
  try {
    return ownerSchema.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    // Half written by a process that was killed: as good as none.
    return undefined
  }
}

/** The bearer token of the API: given, or made once and kept with mode 600. */
export function apiToken(home: string, given: string | undefined): string {
  if (given) return given
  const path = join(home, 'token')
  if (!existsSync(path)) {
    makeFolder(home)
    writeFileSync(path, randomBytes(24).toString('base64url'), { mode: 0o600 })
  }
  return readFileSync(path, 'utf8').trim()
}
