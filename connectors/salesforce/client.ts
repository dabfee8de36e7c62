import { Connection, type HttpRequest, type HttpResponse } from 'jsforce'
import { z } from 'zod'
import { isWrite, type Operation, type Reply, type Wire } from '../connector.ts'
import { CrmError, certain } from '../errors.ts'
import { fromThrown, undocumented } from './errors.ts'
import { PlainTransport } from './transport.ts'

/** The one API version that is spoken. */
export const API_VERSION = '60.0'
/** Salesforce may work on a request for ten minutes; this is how long an answer is waited for. */
const TIMEOUT_MS = 120_000
/** Our name in Sforce-Call-Options; change events carry it as `changeOrigin`. */
const CLIENT = 'concordat'

/** What every page of a query holds. */
interface QueryPage {
  done: boolean
  nextRecordsUrl?: string | undefined
  records: unknown[]
}

interface Call {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  url: string
  body?: string
  headers?: Record<string, string>
}

/** Speaks to one Salesforce org over a wire. */
export class SalesforceClient {
  readonly #connection: Connection
  readonly #wire: Wire

  constructor({ instanceUrl, wire }: { instanceUrl: string; wire: Wire }) {
    this.#wire = wire
    this.#connection = new Connection({ instanceUrl, version: API_VERSION, callOptions: { client: CLIENT } })
  }

  /**
   * A SOQL query with all its records: a page may hold fewer than were asked for, and names the next one.
   *
   * @param schema what a page must look like.
   * @param all deleted and merged rows come along (queryAll).
   */
  async query<T extends QueryPage>(kind: Operation['kind'], soql: string, schema: z.ZodType<T>, all = false): Promise<Reply<T>> {
    const operation = { kind, what: `query ${/FROM (\w+)/.exec(soql)?.[1] ?? ''}` }
    const url = `/${all ? 'queryAll' : 'query'}?q=${encodeURIComponent(soql)}`
    const { body, clock } = await this.request(operation, { method: 'GET', url }, schema)
    return { body: await this.whole(operation, body, schema), clock }
  }

  /** A query's first page together with the records of those that follow it. */
  async whole<T extends QueryPage>(operation: Operation, first: T, schema: z.ZodType<T>): Promise<T> {
    const records = [...first.records]
    for (let page: QueryPage = first; !page.done; ) {
      if (!page.nextRecordsUrl)
        throw new CrmError('unavailable', `${operation.what}: the answer is not complete and names no next page`)
      page = (await this.request(operation, { method: 'GET', url: page.nextRecordsUrl }, schema)).body
      for (const record of page.records) records.push(record)
    }
    return { ...first, done: true, records }
  }

  /**
   * One request.
   *
   * @param schema what the answer must look like: a cut body would otherwise pass as text.
   */
  request<T>(operation: Operation, call: Call, schema: z.ZodType<T>): Promise<Reply<T>> {
    return this.#wire.call(operation, async () => {
      let last: HttpResponse | undefined
      const transport = new PlainTransport(TIMEOUT_MS, (response) => {
        last = response
      })
      this.#connection.accessToken = await this.#wire.token()
      try {
        const headers = {
          'content-type': 'application/json',
          'Sforce-Duplicate-Rule-Header': 'allowSave=true',
          'Sforce-Auto-Assign': 'FALSE',
          ...call.headers,
        }
        const body = await this.#connection.request<unknown>(
          { ...call, headers } as HttpRequest,
          { transport, retry: { methods: [] } } as object,
        )
        this.#note(last)
        const parsed = schema.safeParse(body)
        if (!parsed.success)
          throw undocumented(operation.what, parsed.error, isWrite(operation) ? 'unknown_outcome' : 'unavailable')
        return { body: parsed.data, clock: clockOf(last) }
      } catch (error) {
        if (error instanceof CrmError) throw error
        this.#note(last)
        throw certain(fromThrown(error, last?.statusCode), operation)
      }
    })
  }

  /**
   * A SOAP call, for the few things that REST cannot do. Answers its result, or its results.
   *
   * @param schema what the result must look like; every value is text.
   * @param content the call's arguments, as XML.
   */
  async soap<T>(operation: Operation, name: string, schema: z.ZodType<T>, content = ''): Promise<T> {
    const token = await this.#wire.token()
    const body =
      '<?xml version="1.0" encoding="utf-8"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:partner.soap.sforce.com">' +
      `<e:Header><SessionHeader><sessionId>${token.replace(/[<&]/g, '')}</sessionId></SessionHeader></e:Header><e:Body><${name}>${content}</${name}></e:Body></e:Envelope>`
    const headers = { 'content-type': 'text/xml', soapaction: '""' }
    const answer = await this.request(
      operation,
      { method: 'POST', url: `/services/Soap/u/${API_VERSION}`, body, headers },
      z.record(z.string(), z.unknown()),
    )
    const parsed = schema.safeParse(find(answer.body, 'result'))
    if (!parsed.success) throw undocumented(operation.what, parsed.error, isWrite(operation) ? 'unknown_outcome' : 'unavailable')
    return parsed.data
  }

  #note(response: HttpResponse | undefined): void {
    if (response) this.#wire.note(response.headers)
  }
}

/** The first element of that name in parsed XML, whatever its prefix. */
function find(node: unknown, name: string): unknown {
  if (typeof node !== 'object' || node === null) return undefined
  for (const [key, child] of Object.entries(node)) {
    const found = key.replace(/^.*:/, '') === name ? child : find(child, name)
    if (found !== undefined) return found
  }
  return undefined
}

const clockOf = (response: HttpResponse | undefined): number => Date.parse(String(response?.headers.date ?? '')) || Date.now()
