import { z } from 'zod'
import { type Sandbox, startSandbox } from '../../sandbox/sandbox.ts'
import type { Answer } from './compare.ts'
import { type Request, structured } from './recordings.ts'

/** A fresh sandbox for one recording: sends requests as the recording's client would, and sets the scene. */
export class Stage {
  readonly sandbox: Sandbox
  readonly crm: 'salesforce' | 'hubspot'
  token: string

  private constructor(sandbox: Sandbox, crm: Stage['crm'], token: string) {
    this.sandbox = sandbox
    this.crm = crm
    this.token = token
  }

  static async open(crm: Stage['crm']): Promise<Stage> {
    const sandbox = await startSandbox({ labels: false })
    return new Stage(sandbox, crm, crm === 'salesforce' ? sandbox.info.salesforce.personToken : sandbox.info.hubspot.accessToken)
  }

  close(): Promise<void> {
    return this.sandbox.stop()
  }

  /** Takes an access token of the OAuth app instead of the private one. */
  async useOauth(): Promise<void> {
    const { hubspot } = this.sandbox.info
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: 'sandbox-client',
      client_secret: hubspot.clientSecret,
      refresh_token: hubspot.refreshToken,
    })
    const answer = await this.must('POST', '/oauth/v1/token', String(form))
    this.token = String(answer.access_token)
  }

  /** Where the last query's next page is: stands in for the recorder's locators. */
  #next: string | undefined

  /** Sends a request with the stage's token; a JSON body as JSON, text as the kind of text it is. */
  async send({ method, path: recorded, headers = {}, body: sent }: Request): Promise<Answer> {
    const path = this.#next && /\/query\/\w+-\d+(\?|$)/.test(recorded) ? this.#next : recorded
    const body = typeof sent === 'string' ? sent.replaceAll('REDACTED', this.token) : sent
    const { salesforce, hubspot } = this.sandbox.info
    const response = await fetch((this.crm === 'salesforce' ? salesforce.instanceUrl : hubspot.baseUrl) + path, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(body !== undefined && { 'content-type': kindOf(body) }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const isJson = (response.headers.get('content-type') ?? '').includes('json')
    const parsed: unknown = isJson && text !== '' ? JSON.parse(text) : structured(text)
    this.#next = next.safeParse(parsed).data?.nextRecordsUrl ?? this.#next
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: parsed,
    }
  }

  /** Like `send`, for setting the scene: anything but success is an error. */
  async must(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Record<string, unknown>> {
    const answer = await this.send({ method, path, headers, ...(body !== undefined && { body }) })
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return (typeof answer.body === 'object' ? answer.body : {}) as Record<string, unknown>
  }

  /** What the public APIs cannot do: rows under a given id, an org's own fields, clocks and limits. */
  async control(path: string, body: unknown): Promise<void> {
    const response = await fetch(this.sandbox.info.controlUrl + path, { method: 'POST', body: JSON.stringify(body) })
    if (!response.ok) throw new Error(`control ${path}: ${response.status} ${await response.text()} for ${JSON.stringify(body)}`)
  }
}

const next = z.object({ nextRecordsUrl: z.string() })

function kindOf(body: unknown): string {
  if (typeof body !== 'string') return 'application/json'
  if (body.startsWith('<')) return body.includes('Envelope') ? 'text/xml' : 'application/xml'
  return body.includes('=') && !body.includes('\n') ? 'application/x-www-form-urlencoded' : 'text/csv'
}
