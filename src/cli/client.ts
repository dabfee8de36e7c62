import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { App } from '../app.ts'
import { type Config, readConfig } from '../config.ts'
import { apiToken, HomeBusy, HomeLock, readOwner } from '../home.ts'
import { makeLog } from '../log.ts'

/** A failure that a person can understand from its message alone. */
export class CommandError extends Error {
  readonly expected = true
}

type Send = (method: string, path: string, body?: unknown) => Promise<unknown>

/**
 * Runs a command against the API: that of the running server, or, when the data folder is free, one inside
 * this process. Commands never touch the store beside a running server.
 *
 * @param crms the command needs the CRMs, not only the store.
 */
export async function withApi<T>(options: { crms: boolean }, work: (send: Send, config: Config) => Promise<T>): Promise<T> {
  const config = readConfig(process.env)
  let lock: HomeLock
  try {
    lock = HomeLock.take(config.home)
  } catch (error) {
    if (!(error instanceof HomeBusy)) throw error
    return work(remote(config), config)
  }
  let app: App | undefined
  try {
    const [{ App }, { apiApp }] = await Promise.all([import('../app.ts'), import('../api/routes.ts')])
    app = await App.open({ config, log: makeLog('error'), crms: options.crms })
    const token = apiToken(config.home, config.token)
    const api = apiApp(app, token)
    return await work(async (method, path, body) => read(await api.request(path, request(method, token, body))), config)
  } finally {
    await app?.close()
    lock.release()
  }
}

function remote(config: Config): Send {
  return async (method, path, body) => {
    const owner = readOwner(config.home)
    if (!owner)
      throw new CommandError(`${config.home} is in use, but its owner has not said yet where it listens; try again in a moment`)
    const token = config.token ?? readFileSync(join(config.home, 'token'), 'utf8').trim()
    let answer: Response
    try {
      answer = await fetch(`http://127.0.0.1:${owner.port}${path}`, request(method, token, body))
    } catch (error) {
      throw new CommandError(`the server on port ${owner.port} does not answer: ${(error as Error).message}`)
    }
    return read(answer)
  }
}

const request = (method: string, token: string, body: unknown): RequestInit => ({
  method,
  headers: {
    authorization: `Bearer ${token}`,
    ...(body !== undefined && { 'content-type': 'application/json' }),
  },
  ...(body !== undefined && { body: JSON.stringify(body) }),
})

async function read(answer: Response): Promise<unknown> {
  const text = await answer.text()
  const body = text === '' ? undefined : (JSON.parse(text) as { error?: { message: string } })
  if (!answer.ok) throw new CommandError(body?.error?.message ?? `the API answered ${answer.status}`)
  return body
}
