import { z } from 'zod'
import type { MergeRequest } from '../connector.ts'
import { CrmError } from '../errors.ts'
import type { SalesforceClient } from './client.ts'
import { classify, type SalesforceErrorEntry } from './errors.ts'

/** Objects that Salesforce merges (SOAP API: merge). */
const MERGED: ReadonlySet<string> = new Set(['Account', 'Contact', 'Lead', 'Case'])

const result = z.looseObject({
  success: z.string(),
  errors: z.looseObject({ message: z.string(), statusCode: z.string().optional() }).optional(),
})

/** Merges one record into another; what lay below it lies below that one then. SOAP alone can. */
export async function merge(client: SalesforceClient, { object, keep, merge: goes, sendBy }: MergeRequest): Promise<void> {
  if (!MERGED.has(object)) throw new CrmError('invalid_value', `Salesforce does not merge ${object}`)
  const answer = await client.soap(
    { kind: 'write', what: `merge ${object} ${goes} into ${keep}`, sendBy },
    'merge',
    z.union([result, z.array(result)]),
    `<request><masterRecord xmlns:s="urn:sobject.partner.soap.sforce.com"><s:type>${object}</s:type><s:Id>${keep}</s:Id></masterRecord><recordToMergeIds>${goes}</recordToMergeIds></request>`,
  )
  const [only] = [answer].flat()
  if (only?.success !== 'true') throw classify((only?.errors ?? { message: 'no reason given' }) as SalesforceErrorEntry)
}
