import { z } from 'zod'
import type { ObjectSchema } from '../../mappings/schema.ts'
import type { AccountInfo, CrmUser } from '../connector.ts'
import type { SalesforceClient } from './client.ts'
import { queryAnswer, quote } from './wire.ts'

const userInfo = z.looseObject({ user_id: z.string(), organization_id: z.string() })

const organizationAnswer = queryAnswer(
  z.array(z.looseObject({ Name: z.string().nullish(), TimeZoneSidKey: z.string().nullish() })),
)

const usersAnswer = queryAnswer(
  z.array(z.looseObject({ Id: z.string(), Name: z.string(), Email: z.string().nullable(), IsActive: z.boolean() })),
)

/**
 * The org, and the user that we are in it.
 *
 * @param describe describes an object: the currencies are the options of `CurrencyIsoCode`, where the org has more than one.
 */
export async function account(
  client: SalesforceClient,
  describe: (object: string) => Promise<ObjectSchema>,
): Promise<AccountInfo> {
  const user = await client.request(
    { kind: 'meta', idempotent: true, what: 'user info' },
    { method: 'GET', url: '/services/oauth2/userinfo' },
    userInfo,
  )
  const org = await client.query('meta', 'SELECT Id, Name, TimeZoneSidKey FROM Organization LIMIT 1', organizationAnswer)
  const [info] = org.body.records
  const schema = await describe('Account')
  const multi = schema.fields.CurrencyIsoCode
  const currencies = multi?.options?.filter((o) => o.active).map((o) => o.value) ?? []
  return {
    id: user.body.organization_id,
    name: info?.Name ?? 'Salesforce',
    timeZone: info?.TimeZoneSidKey ?? 'UTC',
    currency: currencies[0] ?? 'USD',
    currencies,
    ourselves: user.body.user_id,
    warnings: schema.fields.IsPersonAccount ? ['this org has person accounts switched on; they are left out of the sync'] : [],
  }
}

/** Users that have an e-mail address, inactive ones included. */
export async function users(client: SalesforceClient): Promise<CrmUser[]> {
  const found: CrmUser[] = []
  let after = ''
  do {
    const { body } = await client.query(
      'meta',
      `SELECT Id, Name, Email, IsActive FROM User WHERE Id > ${quote(after || '000000000000000')} ORDER BY Id LIMIT 2000`,
      usersAnswer,
    )
    const rows = body.records
    for (const u of rows) if (u.Email) found.push({ id: u.Id, email: u.Email, name: u.Name, active: u.IsActive })
    after = rows.length === 2000 ? rows.at(-1)!.Id : ''
  } while (after)
  return found
}
