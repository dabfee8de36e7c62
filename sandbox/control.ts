import { Hono } from 'hono'
import { z } from 'zod'
import { FAULT_ACTIONS } from './faults.ts'
import type { World } from './sandbox.ts'

/** The control API: what the public APIs cannot do. Faults, time, automations, restores, webhooks. */

const fault = z.object({
  crm: z.enum(['salesforce', 'hubspot']).optional(),
  method: z.string().optional(),
  path: z.string().optional(),
  skip: z.number().int().optional(),
  times: z.number().int().optional(),
  rate: z.number().min(0).max(1).optional(),
  delayMs: z.number().optional(),
  action: z.enum(FAULT_ACTIONS),
})
const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()])
const settings = z.object({
  latencyMs: z.number().min(0).optional(),
  searchLagMs: z.number().min(0).optional(),
  hubspotBurst: z.number().optional(),
  hubspotSearchPerSecond: z.number().optional(),
  hubspotTimeZone: z.string().optional(),
  hubspotYear: z.number().int().optional(),
  hubspotCurrencies: z.array(z.string()).min(1).optional(),
  /** Values that an admin's rules forbid: regular expressions by object and property; null lifts a rule. */
  hubspotRules: z.array(z.object({ type: z.string(), property: z.string(), forbidden: z.string().nullable() })).optional(),
  hubspotWithheldScopes: z.array(z.string()).optional(),
  salesforceDailyLimit: z.number().optional(),
  salesforceLateCommitMs: z.number().optional(),
  salesforceSlowJobs: z.boolean().optional(),
  salesforcePageRows: z.number().int().positive().optional(),
  salesforceHiddenRows: z.array(z.string()).optional(),
  salesforceTrackedFields: z.record(z.string(), z.array(z.string())).optional(),
  rotateRefreshTokens: z.boolean().optional(),
  webhookTarget: z.string().nullable().optional(),
  /** How long webhooks are held back, and what happens to them on their way. */
  webhookDelayMs: z.number().min(0).optional(),
  webhooks: z
    .object({
      lose: z.number().min(0).max(1).optional(),
      double: z.number().min(0).max(1).optional(),
      shuffle: z.boolean().optional(),
      seed: z.number().default(1),
    })
    .optional(),
})
const rule = z.object({
  object: z.string(),
  field: z.string(),
  equals: scalar.optional(),
  over: z.number().optional(),
  message: z.string(),
})

/** Fields of an org's own, in the lines of `salesforce/schema.ts`, and fields that the API user may not see. */
const fields = z.object({
  object: z.string(),
  prefix: z.string().default('a01'),
  lines: z.array(z.string()).default([]),
  hidden: z.array(z.string()).default([]),
})
const row = z.object({ object: z.string(), id: z.string(), values: z.record(z.string(), scalar) })
const record = z.object({ type: z.string(), id: z.string(), properties: z.record(z.string(), z.string().nullable()) })

export function controlServer(world: World): Hono {
  const app = new Hono()
  app.post('/faults', async (c) => {
    const body = z.object({ faults: z.array(fault), seed: z.number().default(1) }).parse(await c.req.json())
    world.faults.set(body.faults, body.seed)
    return c.json({ ok: true })
  })
  app.post('/settings', async (c) => {
    world.configure(settings.parse(await c.req.json()))
    return c.json({ ok: true })
  })
  app.post('/advance', async (c) => {
    world.clock.advance(z.object({ ms: z.number() }).parse(await c.req.json()).ms)
    return c.json({ now: world.clock.now() })
  })
  app.post('/expire-tokens', (c) => {
    world.sessions.expireAll()
    world.tokens.expireAll()
    return c.json({ ok: true })
  })
  app.post('/validation-rules', async (c) => {
    world.org.validationRules.splice(0, Number.POSITIVE_INFINITY, ...z.array(rule).parse(await c.req.json()))
    return c.json({ ok: true })
  })
  app.post('/hubspot/restore', async (c) => {
    const { type, id } = z.object({ type: z.string(), id: z.string() }).parse(await c.req.json())
    world.portal.restoreArchived(type, id, { type: 'CRM_UI', id: 'userId:1', userId: 1 })
    return c.json({ ok: true })
  })
  app.post('/salesforce/fields', async (c) => {
    const { object, prefix, lines, hidden } = fields.parse(await c.req.json())
    world.org.customise(object, prefix, lines.join('\n'))
    world.org.hide(object, hidden)
    return c.json({ ok: true })
  })
  app.post('/salesforce/rows', async (c) => {
    const { object, id, values } = row.parse(await c.req.json())
    world.org.seed(object, id, values)
    return c.json({ ok: true })
  })
  app.post('/hubspot/records', async (c) => {
    const { type, id, properties } = record.parse(await c.req.json())
    world.portal.seed(type, id, properties)
    return c.json({ ok: true })
  })
  app.get('/counts', (c) => c.json(world.counts()))
  app.onError((error, c) => c.json({ error: error.message }, 400))
  return app
}

export type Settings = z.infer<typeof settings>
