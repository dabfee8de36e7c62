import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import pg from 'pg'

/** Runs the real program in processes of its own, on data folders (and databases) of its own. */

const ROOT = resolve(import.meta.dirname, '../..')

export interface Finished {
  code: number | null
  stdout: string
  stderr: string
}

export class Program {
  readonly home = mkdtempSync(join(tmpdir(), 'concordat-'))
  readonly env: Record<string, string>
  readonly #database: string | undefined
  #running: ChildProcess[] = []

  private constructor(database: string | undefined) {
    this.#database = database
    const url = process.env.DATABASE_URL
    this.env = {
      CONCORDAT_HOME: this.home,
      CONCORDAT_SANDBOX_LIMITS: 'off',
      ...(url && database && { DATABASE_URL: Object.assign(new URL(url), { pathname: `/${database}` }).href }),
    }
  }

  /** @param engine `given`: as the environment says, with a database of its own; `none`: whoever runs it says. */
  static async make(engine: 'given' | 'none' = 'given'): Promise<Program> {
    const url = process.env.DATABASE_URL
    if (!url || engine === 'none') return new Program(undefined)
    const name = `concordat_test_${randomUUID().replaceAll('-', '')}`
    const admin = new pg.Client({ connectionString: url })
    await admin.connect()
    await admin.query(`create database ${name}`)
    await admin.end()
    return new Program(name)
  }

  spawn(args: string[], env: Record<string, string> = {}): ChildProcess & { output: () => { stdout: string; stderr: string } } {
    const child = spawn(process.execPath, [join(ROOT, 'concordat.js'), ...args], {
      cwd: ROOT,
      env: { ...process.env, ...this.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#running.push(child)
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (d) => {
      stdout += d
    })
    child.stderr.on('data', (d) => {
      stderr += d
    })
    return Object.assign(child, { output: () => ({ stdout, stderr }) })
  }

  run(args: string[], env: Record<string, string> = {}): Promise<Finished> {
    const child = this.spawn(args, env)
    return new Promise((done) => child.on('close', (code) => done({ code, ...child.output() })))
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#running.map(
        (child) =>
          new Promise<void>((done) => {
            if (child.exitCode !== null || child.signalCode !== null) return done()
            child.on('close', () => done())
            child.kill('SIGKILL')
          }),
      ),
    )
    if (this.#database) {
      const admin = new pg.Client({ connectionString: process.env.DATABASE_URL })
      await admin.connect()
      await admin.query(`drop database if exists ${this.#database} with (force)`)
      await admin.end()
    }
    rmSync(this.home, { recursive: true, force: true })
  }
}

/** Waits until a condition holds; fails loudly when it never does. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, timeoutMs = 60_000): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited in vain for: ${what}`)
    await new Promise((r) => setTimeout(r, 50))
  }
}
