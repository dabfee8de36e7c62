import { z } from 'zod'
import { CrmError, networkError } from '../connectors/errors.ts'
import type { Credentials } from '../sync/budget.ts'

/** What a connection's secrets hold, per way of logging in. */
export const secretsSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('token'), accessToken: z.string() }),
  z.object({
    kind: z.literal('refresh'),
    tokenUrl: z.string(),
    clientId: z.string(),
    clientSecret: z.string(),
    refreshToken: z.string(),
  }),
])
export type Secrets = z.infer<typeof secretsSchema>

const tokenAnswer = z.looseObject({
  access_token: z.string(),
  refresh_token: z.string().optional(),
  expires_in: z.number().optional(),
})

/** Where a connection's secrets stand, for all processes. */
export interface SecretStore {
  load(): Promise<Secrets>
  save(secrets: Secrets): Promise<void>
}

/**
 * Access tokens of one connection. A refresh happens once however many calls ask for it; a rotated refresh
 * token is stored before it is used.
 */
export class TokenSource implements Credentials {
  #secrets: Secrets
  #access: string | undefined
  #expires = Number.POSITIVE_INFINITY
  #refreshing: Promise<void> | undefined
  readonly #store: SecretStore

  constructor(secrets: Secrets, store: SecretStore) {
    this.#secrets = secrets
    this.#store = store
    if (secrets.kind === 'token') this.#access = secrets.accessToken
  }

  async token(): Promise<string> {
    if (!this.#access || Date.now() > this.#expires) await this.refresh(this.#access ?? '')
    return this.#access!
  }

  async refresh(refused: string): Promise<void> {
    if (this.#secrets.kind === 'token')
      throw new CrmError('no_access', 'the access token was refused; give this connection a new one')
    // Somebody has refreshed it meanwhile.
    if (refused && this.#access && refused !== this.#access) return
    this.#refreshing ??= this.#request().finally(() => {
      this.#refreshing = undefined
    })
    await this.#refreshing
  }

  async #request(): Promise<void> {
    // Another process may have rotated the refresh token: the stored one counts.
    this.#secrets = await this.#store.load()
    try {
      await this.#exchange()
    } catch (error) {
      const used = this.#secrets
      this.#secrets = await this.#store.load()
      // Rotated by another process in this very moment: once more with the new one.
      if (!(error instanceof CrmError) || error.class !== 'no_access' || isSame(used, this.#secrets)) throw error
      await this.#exchange()
    }
  }

  async #exchange(): Promise<void> {
    const s = this.#secrets
    if (s.kind !== 'refresh') return
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: s.clientId,
      client_secret: s.clientSecret,
      refresh_token: s.refreshToken,
    })
    let answer: Response
    let body: unknown
    try {
      answer = await fetch(s.tokenUrl, {
        method: 'POST',
        body: form,
        redirect: 'manual',
        signal: AbortSignal.timeout(20_000),
      })
      body = await answer.json()
    } catch (error) {
      throw networkError(error)
    }
    const parsed = tokenAnswer.safeParse(body)
    if (!answer.ok || !parsed.success) {
      const reason =
        (body as { error_description?: string; message?: string }).error_description ??
        (body as { message?: string }).message ??
        `HTTP ${answer.status}`
      throw new CrmError(answer.status >= 500 ? 'unavailable' : 'no_access', `the login was refused: ${reason}; connect again`)
    }
    if (parsed.data.refresh_token && parsed.data.refresh_token !== s.refreshToken) {
      this.#secrets = { ...s, refreshToken: parsed.data.refresh_token }
      await this.#store.save(this.#secrets)
    }
    this.#access = parsed.data.access_token
    // A minute early: HubSpot says how long a token lives, Salesforce does not.
    this.#expires = parsed.data.expires_in ? Date.now() + (parsed.data.expires_in - 60) * 1000 : Number.POSITIVE_INFINITY
  }
}

const isSame = (a: Secrets, b: Secrets): boolean => JSON.stringify(a) === JSON.stringify(b)
