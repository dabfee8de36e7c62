import { PassThrough } from 'node:stream'
import type { HttpRequest, HttpRequestOptions, HttpResponse } from 'jsforce'
import { Transport } from 'jsforce/lib/transport.js'
import { StreamPromise } from 'jsforce/lib/util/promise.js'
import { withoutBrokenCharacters } from '../answer-text.ts'

/**
 * jsforce's transport over plain fetch. jsforce's own retries, follows redirects with the token, has no
 * deadline for the body, and a connection lost in the middle of a body ends the process.
 */
export class PlainTransport extends Transport {
  readonly #timeoutMs: number
  readonly #onResponse: (response: HttpResponse) => void

  constructor(timeoutMs: number, onResponse: (response: HttpResponse) => void) {
    super()
    this.#timeoutMs = timeoutMs
    this.#onResponse = onResponse
  }

  override httpRequest(request: HttpRequest, options: HttpRequestOptions = {}): StreamPromise<HttpResponse> {
    return StreamPromise.create(() => ({ stream: new PassThrough(), promise: this.#send(request, options) }))
  }

  async #send(request: HttpRequest, options: HttpRequestOptions): Promise<HttpResponse> {
    if (request.body != null && typeof request.body !== 'string') throw new TypeError('only text bodies are sent')
    const { 'content-length': _, ...headers } = request.headers ?? {}
    const answer = await fetch(request.url, {
      method: request.method,
      headers,
      body: request.body ?? null,
      redirect: 'manual',
      signal: AbortSignal.timeout(options.timeout ?? this.#timeoutMs),
    })
    if (answer.status > 300 && answer.status < 400 && answer.status !== 304)
      throw new Error(`unexpected redirect (${answer.status}) from ${new URL(request.url).host}`)
    const response = {
      statusCode: answer.status,
      headers: Object.fromEntries(answer.headers),
      body: withoutBrokenCharacters(await answer.text()),
    }
    this.#onResponse(response)
    return response
  }
}
