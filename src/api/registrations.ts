import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { acceptFields } from '../../mappings/model/accept.ts'
import type { Value } from '../../mappings/model/value.ts'
import * as notifications from '../../store/notifications.ts'
import { partnersNamed } from '../../store/queries.ts'
import * as registrations from '../../store/registrations.ts'
import { EditRefused } from '../../sync/edit.ts'
import { inTransaction } from '../../sync/engine.ts'
import { decide, extend } from '../../sync/registrations/decide.ts'
import { STATES } from '../../sync/registrations/lifecycle.ts'
import { DEFAULT_RULES_TEXT, parseRules } from '../../sync/registrations/rules.ts'
import { SUBMITTED, submit } from '../../sync/registrations/submit.ts'
import type { App } from '../app.ts'
import { ApiError, anyObject, errors, id, json, list, page, problem } from './respond.ts'

/** Deal registrations: partners submit them, the vendor's people decide; and the rules that both go by. */
export function registrationRoutes(api: OpenAPIHono, app: App): void {
  const { engine } = app
  const inTx = <T>(work: Parameters<typeof inTransaction<T>>[1]) => inTransaction(engine, work)
  const body = <S extends z.ZodType>(schema: S) => ({ required: true, content: { 'application/json': { schema } } })
  const conflict = { 409: json(problem, 'It does not follow from the state it is in') }

  /** What may be shown to whoever submitted it: nothing of others. */
  const partnersView = (r: registrations.RegistrationRow) => ({
    id: r.recordId,
    state: r.state,
    standing: r.standing,
    message: r.decision?.told ?? 'It was received, and is being checked.',
    submittedAt: r.submittedAt,
    decideBy: r.dueAt,
    decidedAt: r.decidedAt,
    protectedUntil: r.protectedUntil,
  })
  /** What came of it goes to the CRMs, and to whom it concerns. */
  const goOn = () => {
    app.nudgeWriters()
    app.jobs?.queueRegistrations()
  }
  const find = async (wanted: string) => {
    const [found] = await inTx((tx) => registrations.readRegistrations(tx, [wanted]))
    if (!found) throw new ApiError(404, 'not_found', `there is no registration ${wanted}`)
    return found
  }
  /** A partner is named by its id, or by its name where only one has that. */
  const partnerOf = async (given: unknown): Promise<unknown> => {
    if (typeof given !== 'string' || z.uuid().safeParse(given).success) return given
    const found = await inTx((tx) => partnersNamed(tx, given))
    if (found.length === 1) return found[0]
    throw new ApiError(
      400,
      'invalid_field',
      found.length === 0
        ? `partner: there is no partner ${given}`
        : `partner: ${found.length} partners are called ${given}; say which by its id`,
    )
  }
  const submitOne = async (fields: Record<string, unknown>) => {
    const accepted = acceptFields('registration', {
      ...fields,
      ...('partner' in fields && { partner: await partnerOf(fields.partner) }),
    })
    if ('refused' in accepted) throw new ApiError(400, 'invalid_field', accepted.refused)
    return partnersView(await find(await submit(engine, accepted.values as Record<string, Value>)))
  }
  const submitted = z.record(z.string(), z.unknown()).describe(`Fields: ${SUBMITTED.join(', ')}; a partner by id or by name`)

  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/registrations',
      summary: 'Register a deal: it is checked at once, and the first to register is protected',
      request: { body: body(submitted) },
      responses: { 201: json(anyObject, 'As its partner may see it'), ...errors },
    }),
    async (c) => {
      const made = await submitOne(c.req.valid('json'))
      goOn()
      return c.json(made, 201)
    },
  )
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/registrations:batch',
      summary: 'Register up to 500 deals, one after another; each has its own result',
      request: { body: body(z.strictObject({ registrations: z.array(submitted).min(1).max(500) })) },
      responses: { 200: json(z.object({ results: z.array(anyObject) }), 'One result each, in order'), ...errors },
    }),
    async (c) => {
      const results: Record<string, unknown>[] = []
      for (const [index, fields] of c.req.valid('json').registrations.entries()) {
        try {
          results.push({ index, ok: true, ...(await submitOne(fields)) })
        } catch (error) {
          if (!(error instanceof ApiError || error instanceof EditRefused)) throw error
          results.push({ index, ok: false, error: { code: error.code, message: error.message } })
        }
      }
      goOn()
      return c.json({ results }, 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/registrations',
      summary: 'Registrations, for the vendor',
      request: { query: page.extend({ state: z.enum(STATES).optional() }) },
      responses: { 200: json(list, 'Registrations') },
    }),
    async (c) => {
      const q = c.req.valid('query')
      const items = await inTx((tx) => registrations.listRegistrations(tx, q))
      return c.json({ items: items.map((i) => ({ ...i })), next: items.length === q.limit ? items.at(-1)!.recordId : null }, 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/registrations/{id}',
      summary: 'One registration, as its partner may see it',
      request: { params: id },
      responses: { 200: json(anyObject, 'The registration'), ...errors },
    }),
    async (c) => c.json(partnersView(await find(c.req.valid('param').id)), 200),
  )
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/registrations/{id}/explanation',
      summary: 'For the vendor: what stands beside it, which rule decided by which evidence, and everything that happened',
      request: { params: id },
      responses: { 200: json(anyObject, 'The whole of it'), ...errors },
    }),
    async (c) => {
      const found = await find(c.req.valid('param').id)
      return c.json({ ...found, events: await inTx((tx) => registrations.eventsOf(tx, found.recordId)) }, 200)
    },
  )
  const said = { by: z.string().min(1).max(200).default('api'), why: z.string().min(1).max(2_000) }
  for (const [path, to, role, summary] of [
    ['approve', 'approved', 'manager', 'Approve it: it is protected, and its deal goes to the CRMs'],
    ['reject', 'rejected', 'manager', 'Reject it'],
    ['withdraw', 'withdrawn', 'partner', 'Take it back'],
  ] as const)
    api.openapi(
      createRoute({
        method: 'post',
        path: `/api/v1/registrations/{id}/${path}`,
        summary,
        request: {
          params: id,
          body: body(z.strictObject({ ...said, tell: z.string().max(2_000).optional().describe('What the partner is told') })),
        },
        responses: { 200: json(anyObject, 'As its partner may see it'), ...conflict, ...errors },
      }),
      async (c) => {
        const wanted = c.req.valid('param').id
        await decide(engine, wanted, { to, role, ...c.req.valid('json') })
        goOn()
        return c.json(partnersView(await find(wanted)), 200)
      },
    )
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/registrations/{id}/extend',
      summary: 'Protect it for longer, as the rules allow',
      request: { params: id, body: body(z.strictObject(said)) },
      responses: { 200: json(anyObject, 'Until when'), ...conflict, ...errors },
    }),
    async (c) => {
      const protectedUntil = await extend(engine, c.req.valid('param').id, c.req.valid('json'))
      goOn()
      return c.json({ protectedUntil }, 200)
    },
  )

  // --- rules of engagement --------------------------------------------------------------------------
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/rules',
      summary: 'The rules of engagement that count, and their versions',
      responses: { 200: json(anyObject, 'The rules') },
    }),
    async (c) => {
      const versions = await inTx(registrations.listRules)
      const current = versions.at(-1)
      return c.json(
        {
          version: current?.version ?? null,
          text: current?.text ?? DEFAULT_RULES_TEXT,
          versions: versions.map(({ version, at, by }) => ({ version, at, by })),
        },
        200,
      )
    },
  )
  const problemsOf = (text: string) => {
    const parsed = parseRules(text)
    return 'problems' in parsed ? parsed.problems : []
  }
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/rules:check',
      summary: 'What is wrong with a rules document, line by line',
      request: { body: body(z.strictObject({ yaml: z.string() })) },
      responses: { 200: json(anyObject, 'Problems'), ...errors },
    }),
    async (c) => c.json({ problems: problemsOf(c.req.valid('json').yaml) }, 200),
  )
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/rules:publish',
      summary: 'From now on these rules count; what was decided stays as it is',
      request: { body: body(z.strictObject({ yaml: z.string(), by: said.by })) },
      responses: { 200: json(anyObject, 'The new version'), ...errors },
    }),
    async (c) => {
      const { yaml, by } = c.req.valid('json')
      const problems = problemsOf(yaml)
      if (problems.length > 0)
        throw new ApiError(400, 'invalid_rules', problems.map((p) => `line ${p.line}: ${p.message}`).join('. '), problems)
      return c.json({ version: await inTx((tx) => registrations.putRules(tx, yaml, by)) }, 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/notifications',
      summary: 'Who was told what, and by which channels',
      request: { query: page },
      responses: { 200: json(list, 'Notifications') },
    }),
    async (c) => {
      const q = c.req.valid('query')
      const items = await inTx((tx) => notifications.listNotifications(tx, q))
      return c.json({ items, next: items.length === q.limit ? String(items.at(-1)!.id) : null }, 200)
    },
  )
}
