import { resolve } from 'node:path'
import { z } from 'zod'

/** Settings from the environment. A wrong value stops the start with one line that names it. */

const url = (protocols: string[], example: string) =>
  z.string().refine((v) => URL.canParse(v) && protocols.includes(new URL(v).protocol), {
    error: `is no ${protocols.map((p) => `${p}//`).join(' or ')} address`,
    params: { example },
  })

const examples: Record<string, string> = {
  PORT: '8080',
  CONCORDAT_HOME: '.concordat',
  DATABASE_URL: 'postgres://user:password@localhost:5432/concordat',
  REDIS_URL: 'redis://localhost:6379',
  CONCORDAT_TOKEN: 'a long random text',
  CONCORDAT_KEY: 'base64 of 32 random bytes',
  CONCORDAT_PUBLIC_URL: 'https://sync.example.com',
  LOG_LEVEL: 'info',
  SALESFORCE_INSTANCE_URL: 'https://acme.my.salesforce.com',
  SALESFORCE_CLIENT_ID: '3MVG9...',
  SALESFORCE_CLIENT_SECRET: 'ABC123...',
  SALESFORCE_REFRESH_TOKEN: '5Aep861...',
  HUBSPOT_ACCESS_TOKEN: 'pat-na1-...',
  HUBSPOT_CLIENT_SECRET: "the app's client secret",
  CONCORDAT_SANDBOX_LIMITS: 'on',
  SMTP_URL: 'smtps://user:password@mail.example.com',
  SMTP_FROM: 'Concordat <concordat@example.com>',
  EVENTS_URL: 'https://hooks.example.com/concordat',
  EVENTS_SECRET: 'a long random text',
}

const schema = z.object({
  PORT: z
    .string()
    .regex(/^\d{1,5}$/, 'is no port number')
    .transform(Number)
    .refine((n) => n <= 65_535, 'is no port number')
    .default(8080),
  CONCORDAT_HOME: z.string().min(1, 'is empty').default('.concordat'),
  DATABASE_URL: url(['postgres:', 'postgresql:'], examples.DATABASE_URL!).optional(),
  REDIS_URL: url(['redis:', 'rediss:'], examples.REDIS_URL!).optional(),
  CONCORDAT_TOKEN: z.string().min(16, 'is shorter than 16 characters').optional(),
  CONCORDAT_KEY: z
    .string()
    .refine((v) => Buffer.from(v, 'base64').length === 32, 'is not the base64 of 32 bytes')
    .optional(),
  CONCORDAT_PUBLIC_URL: url(['https:', 'http:'], examples.CONCORDAT_PUBLIC_URL!).optional(),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent'], 'is none of debug, info, warn, error, silent').default('info'),
  CONCORDAT_SANDBOX_LIMITS: z.enum(['on', 'off'], 'is neither on nor off').default('on'),
  SALESFORCE_INSTANCE_URL: url(['https:', 'http:'], examples.SALESFORCE_INSTANCE_URL!).optional(),
  SALESFORCE_CLIENT_ID: z.string().optional(),
  SALESFORCE_CLIENT_SECRET: z.string().optional(),
  SALESFORCE_REFRESH_TOKEN: z.string().optional(),
  HUBSPOT_ACCESS_TOKEN: z.string().min(10, 'is too short for a token').optional(),
  HUBSPOT_CLIENT_SECRET: z.string().optional(),
  SMTP_URL: url(['smtp:', 'smtps:'], examples.SMTP_URL!).optional(),
  SMTP_FROM: z.string().regex(/@/, 'is no e-mail address').optional(),
  EVENTS_URL: url(['https:', 'http:'], examples.EVENTS_URL!).optional(),
  EVENTS_SECRET: z.string().min(16, 'is shorter than 16 characters').optional(),
})

export interface Config {
  port: number
  home: string
  databaseUrl: string | undefined
  redisUrl: string | undefined
  token: string | undefined
  key: string | undefined
  publicUrl: string | undefined
  logLevel: z.infer<typeof schema>['LOG_LEVEL']
  sandboxLimits: boolean
  salesforce: { instanceUrl: string; clientId: string; clientSecret: string; refreshToken: string } | undefined
  hubspot: { accessToken: string; clientSecret: string | undefined } | undefined
  /** Where e-mails leave. */
  mail: { url: string; from: string } | undefined
  /** Who is sent events, and what they are signed with. */
  events: { url: string; secret: string } | undefined
}

/** A setting that is wrong; the message is one line for a person. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

export function readConfig(env: NodeJS.ProcessEnv): Config {
  // An empty variable counts as not set, as people write them in compose files.
  const given = Object.fromEntries(Object.keys(schema.shape).map((k) => [k, env[k] === '' ? undefined : env[k]]))
  const parsed = schema.safeParse(given)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    const name = String(issue.path[0])
    const secret = /TOKEN|SECRET|KEY|PASSWORD|SMTP_URL/.test(name)
    throw new ConfigError(
      `${name}${secret ? '' : `=${JSON.stringify(given[name])}`} ${issue.message}; for example ${name}=${examples[name]}`,
    )
  }
  const v = parsed.data
  const sf = [v.SALESFORCE_INSTANCE_URL, v.SALESFORCE_CLIENT_ID, v.SALESFORCE_CLIENT_SECRET, v.SALESFORCE_REFRESH_TOKEN]
  const names = ['SALESFORCE_INSTANCE_URL', 'SALESFORCE_CLIENT_ID', 'SALESFORCE_CLIENT_SECRET', 'SALESFORCE_REFRESH_TOKEN']
  const absent = names.find((_, i) => sf[i] === undefined)
  if (sf.some((x) => x !== undefined) && absent)
    throw new ConfigError(
      `${absent} is missing: Salesforce needs all of ${names.join(', ')}; for example ${absent}=${examples[absent]}`,
    )
  for (const [one, other] of [
    ['SMTP_URL', 'SMTP_FROM'],
    ['EVENTS_URL', 'EVENTS_SECRET'],
  ] as const)
    if (v[one] && !v[other])
      throw new ConfigError(`${other} is missing: ${one} needs it; for example ${other}=${examples[other]}`)
  return {
    port: v.PORT,
    home: resolve(v.CONCORDAT_HOME),
    databaseUrl: v.DATABASE_URL,
    redisUrl: v.REDIS_URL,
    token: v.CONCORDAT_TOKEN,
    key: v.CONCORDAT_KEY,
    publicUrl: v.CONCORDAT_PUBLIC_URL,
    logLevel: v.LOG_LEVEL,
    sandboxLimits: v.CONCORDAT_SANDBOX_LIMITS === 'on',
    salesforce: absent
      ? undefined
      : {
          instanceUrl: v.SALESFORCE_INSTANCE_URL!,
          clientId: v.SALESFORCE_CLIENT_ID!,
          clientSecret: v.SALESFORCE_CLIENT_SECRET!,
          refreshToken: v.SALESFORCE_REFRESH_TOKEN!,
        },
    mail: v.SMTP_URL ? { url: v.SMTP_URL, from: v.SMTP_FROM! } : undefined,
    events: v.EVENTS_URL ? { url: v.EVENTS_URL, secret: v.EVENTS_SECRET! } : undefined,
    hubspot: v.HUBSPOT_ACCESS_TOKEN ? { accessToken: v.HUBSPOT_ACCESS_TOKEN, clientSecret: v.HUBSPOT_CLIENT_SECRET } : undefined,
  }
}
