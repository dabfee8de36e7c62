import { z } from 'zod'
import type { AccountInfo, CrmUser } from '../connector.ts'
import type { CrmError } from '../errors.ts'
import { type HubspotClient, meta } from './client.ts'

const detailsAnswer = z.looseObject({
  portalId: z.number(),
  timeZone: z.string(),
  companyCurrency: z.string(),
  additionalCurrencies: z.array(z.string()).default([]),
})

const tokenAnswer = z.looseObject({ appId: z.number().optional() })

const ownersAnswer = z.looseObject({
  results: z.array(
    z.looseObject({
      id: z.string(),
      email: z.string().nullish(),
      firstName: z.string().nullish(),
      lastName: z.string().nullish(),
      userIdIncludingInactive: z.number().nullish(),
    }),
  ),
  paging: z.looseObject({ next: z.looseObject({ after: z.string() }).optional() }).optional(),
})

/** The account and the app that we are in it; the app is not known to every kind of token. */
export async function account(client: HubspotClient): Promise<AccountInfo> {
  const { body } = await client.request(
    meta('account details'),
    { method: 'GET', path: '/account-info/v3/details' },
    detailsAnswer,
  )
  const token = await client
    .request(meta('token details'), { method: 'GET', path: '/integrations/v1/me' }, tokenAnswer)
    .catch((error: CrmError) => {
      if (error.class === 'not_found' || error.class === 'forbidden') return undefined
      throw error
    })
  return {
    id: String(body.portalId),
    name: `HubSpot ${body.portalId}`,
    timeZone: body.timeZone,
    currency: body.companyCurrency,
    currencies: [body.companyCurrency, ...body.additionalCurrencies],
    ourselves: token?.body.appId ? String(token.body.appId) : '',
    warnings: [],
  }
}

/** Owners that have an e-mail address, archived ones included. */
export async function users(client: HubspotClient): Promise<CrmUser[]> {
  const found: CrmUser[] = []
  for (const archived of [false, true]) {
    let after: string | undefined
    do {
      const { body } = await client.request(
        meta('owners'),
        {
          method: 'GET',
          path: '/crm/v3/owners/',
          qs: { limit: 100, archived: String(archived), ...(after && { after }) },
        },
        ownersAnswer,
      )
      for (const o of body.results)
        if (o.email)
          found.push({
            id: o.id,
            email: o.email,
            name: [o.firstName, o.lastName].filter(Boolean).join(' '),
            active: !archived,
            ...(o.userIdIncludingInactive && { alias: `userId:${o.userIdIncludingInactive}` }),
          })
      after = body.paging?.next?.after
    } while (after)
  }
  return found
}
