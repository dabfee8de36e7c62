import { Request } from '@hubspot/api-client/lib/src/services/http/Request.js'
import type { z } from 'zod'
import { withoutBrokenCharacters } from '../answer-text.ts'
import type { Operation, Reply, Wire } from '../connector.ts'
import { CrmError, certain, networkError } from '../errors.ts'
import { classify } from './errors.ts'

const TIMEOUT_MS = 30_000

export interface Call {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  path: string
  qs?: Record<string, string | number | string[]>
  body?: unknown
}

/** Speaks to one HubSpot account over a wire. */
export class HubspotClient {
  readonly #config: { accessToken: string; basePath: string }
  readonly #wire: Wire

  constructor({ baseUrl, wire }: { baseUrl: string; wire: Wire }) {
    this.#config = { accessToken: '', basePath: baseUrl }
    this.#wire = wire
  }

  /**
   * One request, built by HubSpot's client and sent with a deadline; its typed calls have none.
   *
   * @param schema what the answer must look like; another answer is a CrmError.
   */
  request<T>(operation: Operation, call: Call, schema: z.ZodType<T>): Promise<Reply<T>> {
    return this.#wire.call(operation, async () => {
      const request = new Request({ ...this.#config, accessToken: await this.#wire.token() }, call)
      const answer = await send(request)
      const headers = Object.fromEntries(answer.headers)
      this.#wire.note(headers)
      const body = parse(answer.text)
      if (answer.status >= 300) throw certain(classify(answer.status, body, headers), operation)
      const parsed = schema.safeParse(body)
      if (!parsed.success)
        throw new CrmError(
          operation.kind.endsWith('write') ? 'unknown_outcome' : 'unavailable',
          `${operation.what}: the answer is not what HubSpot documents: ${parsed.error.issues[0]?.path.join('.')} ${parsed.error.issues[0]?.message}`,
        )
      return { body: parsed.data, clock: Date.parse(headers.date ?? '') || Date.now() }
    })
  }
}

/** An operation on the account's set-up rather than on its records. */
export const meta = (what: string): Operation => ({ kind: 'meta', what })

async function send(request: Request): Promise<{ status: number; headers: Headers; text: string }> {
  try {
    const answer = await fetch(request.getUrl(), {
      ...(request.getSendData() as RequestInit),
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    return { status: answer.status, headers: answer.headers, text: withoutBrokenCharacters(await answer.text()) }
  } catch (error) {
    throw networkError(error)
  }
}

/** JSON, or the text itself where a proxy answered something else. */
function parse(text: string): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
