import { z } from 'zod'
import type { ObjectSchema } from '../../mappings/schema.ts'
import type { AccountInfo, CrmUser } from '../connector.ts'
import type { SalesforceClient } from './client.ts'
import { queryAnswer, quote } from './wire.ts'

/** Of one that has a single currency, it stands nowhere else. */
const userInfo = z.looseObject({
  userId: z.string(),
  organizationId: z.string(),
  orgDefaultCurrencyIsoCode: z
    .string()
    .regex(/^[A-Z]{3}$/)
    .optional()
    .catch(undefined),
})

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
  const user = await client.soap({ kind: 'meta', what: 'user info' }, 'getUserInfo', userInfo)
  const org = await client.query('meta', 'SELECT Id, Name, TimeZoneSidKey FROM Organization LIMIT 1', organizationAnswer)
  const [info] = org.body.records
  const schema = await describe('Account')
  const multi = schema.fields.CurrencyIsoCode
  const currencies = multi?.options?.filter((o) => o.active).map((o) => o.value) ?? []
  return {
    id: user.organizationId,
    name: info?.Name ?? 'Salesforce',
    timeZone: info?.TimeZoneSidKey ?? 'UTC',
    currency: user.orgDefaultCurrencyIsoCode ?? currencies[0] ?? 'USD',
    currencies,
    ourselves: user.userId,
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
