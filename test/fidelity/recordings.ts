import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { XMLParser } from 'fast-xml-parser'
import { parse } from 'yaml'
import { z } from 'zod'
import type { Answer } from './compare.ts'

/** Reads the recordings of ../shared/crm-truth: every collection has its own form, all become exchanges. */

export const TRUTH = resolve(import.meta.dirname, '../../../shared/crm-truth')
export const present = existsSync(TRUTH)

export interface Request {
  method: string
  /** Path with its query string, if any. */
  path: string
  headers?: Record<string, string>
  /** JSON, or text as it was sent. */
  body?: unknown
}

export interface Exchange {
  request: Request
  answer: Answer
}

/** Paths of the arrays that the collection's publisher cut, relative to the body. */
export function cutArrays(crm: string, file: string): string[] {
  const found = z.object({ truncated_arrays: z.array(z.object({ path: z.string() })) }).safeParse(bare(crm, file))
  return found.success ? found.data.truncated_arrays.map((a) => a.path) : []
}

export const files = (crm: 'salesforce' | 'hubspot'): string[] =>
  readdirSync(join(TRUTH, crm), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(TRUTH.length + crm.length + 2))
    .sort()

export const text = (crm: string, file: string): string => readFileSync(join(TRUTH, crm, file), 'utf8')

/** A file that is one JSON body or one text, without request or status. */
export function bare(crm: string, file: string): unknown {
  return bodyOf(text(crm, file))
}

const xml = new XMLParser({ removeNSPrefix: true, ignoreAttributes: true, parseTagValue: false })

/** XML as an object, so that its elements compare as keys; other text stays text. */
export const structured = (body: string): unknown => (body.startsWith('<') ? xml.parse(body) : body)

const json = (body: unknown): unknown => {
  if (typeof body !== 'string') return body
  try {
    return JSON.parse(body)
  } catch (error) {
    if (error instanceof SyntaxError) return body
    throw error
  }
}

const bodyOf = (body: unknown) => (typeof body === 'string' && body.startsWith('<') ? structured(body) : json(body))

const lower = (headers: Record<string, unknown> = {}) =>
  Object.fromEntries(Object.entries(headers).map(([k, v]) => [k.toLowerCase(), String([v].flat()[0])]))

/** A query string as browsers write it; `hapikey` was the login of its day and is none of the request. */
const withQuery = (path: string, query: Record<string, string> = {}, encoded = false) => {
  const pairs = Object.entries(query)
    .filter(([k]) => k !== 'hapikey')
    .map(([k, v]) => (encoded ? `${k}=${v}` : `${k}=${encodeURIComponent(v)}`))
  return pairs.length === 0 ? path : `${path}${path.includes('?') ? '&' : '?'}${pairs.join('&')}`
}

const strings = z.record(z.string(), z.string())
const nango = z.object({
  interactions: z.array(
    z.object({
      method: z.string(),
      path: z.string(),
      request: z.object({
        params: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
        data: z.unknown().optional(),
      }),
      status: z.number(),
      headers: strings,
      response: z.unknown(),
    }),
  ),
})
const nock = z.object({
  method: z.string(),
  path: z.string(),
  query: strings.nullish(),
  request: z.unknown(),
  status: z.number(),
  headers: strings,
  response: z.unknown(),
})
const wiremock = z.object({
  request: z.object({ url: z.string(), method: z.string() }),
  response: z.object({ status: z.number(), body: z.string().optional(), headers: strings.optional() }),
})
const exchange = z.object({
  request: z.object({
    method: z.string(),
    uri: z.string(),
    body: z.unknown(),
    headers: z.record(z.string(), z.unknown()).nullish(),
  }),
  response: z.object({
    status: z.object({ code: z.number() }),
    headers: z.record(z.string(), z.unknown()).nullish(),
    body: z.union([z.object({ string: z.unknown() }), z.string(), z.null()]).optional(),
  }),
})
// Cassettes refer to sibling files with `include_file`; those are replayed as files of their own.
const cassette = z.object({ interactions: z.array(z.union([exchange, z.object({ include_file: z.string() })])) })

/** Cassettes leave out the host and, as `vxx.0`, the version; the oldest that has all their keys stands in. */
const ELIDED = 'v52.0'

const of = (
  method: string,
  path: string,
  body: unknown,
  status: number,
  headers: Record<string, unknown> | null | undefined,
  answer: unknown,
): Exchange => ({
  request: { method, path, ...(body !== null && body !== undefined && body !== '' && { body }) },
  answer: { status, headers: lower(headers ?? {}), body: bodyOf(answer ?? '') },
})

/** Quoted texts that go on over lines with too little indentation: Python's parser takes them, ours does not. */
function reindented(yaml: string): string {
  let open: string | undefined
  return yaml
    .split('\n')
    .map((line) => {
      const begins = open === undefined ? /^\s*(?:- )?\w+:\s+(['"])/.exec(line)?.[1] : undefined
      const inside = open !== undefined
      const quote = open ?? begins
      if (quote) {
        const plain = quote === '"' ? line.replace(/\\./g, '') : line
        const count = plain.split(quote).length - 1
        open = (count % 2 === 1) !== inside ? quote : undefined
      }
      return inside ? `${' '.repeat(40)}${line.trimStart()}` : line
    })
    .join('\n')
}

/** The exchanges of a file; none when it holds a bare body. */
export function exchanges(crm: string, file: string): Exchange[] {
  const folder = file.split('/')[0]
  switch (folder) {
    case 'nango-templates':
      return nango
        .parse(bare(crm, file))
        .interactions.map((i) =>
          of(
            i.method,
            withQuery(i.path, Object.fromEntries(Object.entries(i.request.params ?? {}).map(([k, v]) => [k, String(v)]))),
            i.request.data,
            i.status,
            i.headers,
            i.response,
          ),
        )
    case 'grouparoo-nock': {
      const n = nock.parse(bare(crm, file))
      return [of(n.method, withQuery(n.path, n.query ?? {}, true), n.request, n.status, n.headers, n.response)]
    }
    case 'camel-quarkus-wiremock': {
      const w = wiremock.parse(bare(crm, file))
      return [of(w.request.method, w.request.url, undefined, w.response.status, w.response.headers, w.response.body)]
    }
    case 'cumulusci-vcr': {
      const parsed: unknown = parse(reindented(text(crm, file)).replaceAll('vxx.0', ELIDED))
      const one = exchange.safeParse(parsed)
      const all = one.success ? [one.data] : cassette.parse(parsed).interactions.filter((i) => 'request' in i)
      return all.map(({ request, response }) =>
        of(
          request.method,
          request.uri.replace(/^https?:\/\/[^/]+/, ''),
          json(request.body),
          response.status.code,
          response.headers,
          typeof response.body === 'object' ? response.body?.string : response.body,
        ),
      )
    }
    default:
      return []
  }
}
