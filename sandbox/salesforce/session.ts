import { randomBytes } from 'node:crypto'
import type { Clock } from '../clock.ts'

/** A logged-in user of an app. */
export interface Session {
  user: string
  /** Name the client gave with Sforce-Call-Options; shows up as `changeOrigin`. */
  client?: string | undefined
}

interface Grant {
  session: Session
  expires: number
}

/** Access and refresh tokens of an org. */
export class Sessions {
  readonly #clock: Clock
  readonly #access = new Map<string, Grant>()
  readonly #refresh = new Map<string, Session>()
  readonly #orgId: string
  /** Single-use refresh tokens: each refresh answers with a new one. */
  rotate = false
  lifetimeMs = 2 * 3_600_000

  constructor(clock: Clock, orgId: string) {
    this.#clock = clock
    this.#orgId = orgId
  }

  /** A fixed token that does not expire, for people and tests. */
  addFixed(token: string, session: Session): void {
    this.#access.set(token, { session, expires: Number.POSITIVE_INFINITY })
  }

  grant(session: Session): { accessToken: string; refreshToken: string } {
    const accessToken = `${this.#orgId.slice(0, 15)}!AQEA${randomBytes(40).toString('base64url')}`
    const refreshToken = `5Aep861${randomBytes(30).toString('base64url')}`
    this.#access.set(accessToken, { session, expires: this.#clock.now() + this.lifetimeMs })
    this.#refresh.set(refreshToken, session)
    return { accessToken, refreshToken }
  }

  addRefresh(token: string, session: Session): void {
    this.#refresh.set(token, session)
  }

  refresh(token: string): { accessToken: string; refreshToken: string | undefined } | undefined {
    const session = this.#refresh.get(token)
    if (!session) return undefined
    const fresh = this.grant(session)
    if (this.rotate) this.#refresh.delete(token)
    else this.#refresh.delete(fresh.refreshToken)
    return { accessToken: fresh.accessToken, refreshToken: this.rotate ? fresh.refreshToken : undefined }
  }

  find(token: string): Session | undefined {
    const grant = this.#access.get(token)
    return grant && grant.expires > this.#clock.now() ? grant.session : undefined
  }

  revoke(token: string): boolean {
    return this.#access.delete(token) || this.#refresh.delete(token)
  }

  /** Ends every session that is not fixed: an admin's "revoke all". */
  expireAll(): void {
    for (const [token, grant] of this.#access) if (Number.isFinite(grant.expires)) this.#access.delete(token)
  }
}
