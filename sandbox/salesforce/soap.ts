import { XMLParser } from 'fast-xml-parser'
import { SalesforceError } from './errors.ts'
import { normaliseId } from './ids.ts'
import type { Org } from './org.ts'
import type { Session, Sessions } from './session.ts'
import { element, escapeXml, list } from './xml.ts'

/** The few SOAP calls that have no REST counterpart: merge, undelete, convertLead, getUserInfo, login. */

const parser = new XMLParser({
  removeNSPrefix: true,
  ignoreAttributes: true,
  parseTagValue: false,
  isArray: (name) =>
    ['recordToMergeIds', 'ids', 'ID', 'leadConverts', 'LeadConvert', 'mergeRequests', 'request', 'fieldsToNull'].includes(name),
})
const envelope = (body: string, header = '') =>
  `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:partner.soap.sforce.com" xmlns:sf="urn:sobject.partner.soap.sforce.com" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">${header}<soapenv:Body>${body}</soapenv:Body></soapenv:Envelope>`

const fault = (code: string, message: string) =>
  envelope(
    `<soapenv:Fault><faultcode>sf:${code}</faultcode><faultstring>${code}: ${escapeXml(message)}</faultstring><detail><sf:UnexpectedErrorFault xsi:type="sf:UnexpectedErrorFault"><sf:exceptionCode>${code}</sf:exceptionCode><sf:exceptionMessage>${escapeXml(message)}</sf:exceptionMessage></sf:UnexpectedErrorFault></detail></soapenv:Fault>`,
  )

const errorXml = (e: SalesforceError) =>
  `<errors><message>${escapeXml(e.message)}</message><statusCode>${e.code}</statusCode></errors>`

type Node = Record<string, unknown>

/** Answers a SOAP request: status and XML. */
export function soap(org: Org, sessions: Sessions, xml: string, base: string): { status: number; xml: string } {
  const { Envelope } = parser.parse(xml) as {
    Envelope?: { Header?: { SessionHeader?: { sessionId?: string } }; Body?: Node }
  }
  const body = Envelope?.Body ?? {}
  const [call = '', input] = Object.entries(body)[0] ?? []
  const request = (input === '' ? {} : (input ?? {})) as Node
  if (call === 'login') return login(org, sessions, request, base)
  const session = sessions.find(String(Envelope?.Header?.SessionHeader?.sessionId ?? ''))
  if (!session)
    return {
      status: 500,
      xml: fault(
        'INVALID_SESSION_ID',
        'Invalid Session ID found in SessionHeader: Illegal Session. Session not found, missing session key',
      ),
    }
  const calls: Record<string, () => string> = {
    merge: () =>
      list(request.request ?? request.mergeRequests)
        .map((r) => merge(org, session, r as Node))
        .join(''),
    undelete: () =>
      list(request.ids)
        .flatMap((x) => list((x as Node)?.ID ?? x))
        .map((id) => undelete(org, session, String(id)))
        .join(''),
    convertLead: () =>
      list(request.leadConverts)
        .flatMap((x) => list((x as Node).LeadConvert ?? x))
        .map((c) => convertLead(org, session, c as Node))
        .join(''),
    getUserInfo: () => `<result>${userInfo(org, session)}</result>`,
    getServerTimestamp: () => `<result><timestamp>${new Date(org.clock.now()).toISOString()}</timestamp></result>`,
  }
  const run = calls[call]
  if (!run)
    return {
      status: 500,
      xml: fault('INVALID_OPERATION', `no operation available for request {urn:partner.soap.sforce.com}${call}`),
    }
  const usage = `<limitInfo><current>${org.calls.used}</current><limit>${org.calls.limit}</limit><type>API REQUESTS</type></limitInfo>`
  const header = `<soapenv:Header><LimitInfoHeader>${usage}</LimitInfoHeader></soapenv:Header>`
  return { status: 200, xml: envelope(`<${call}Response>${run()}</${call}Response>`, header) }
}

function attempt(id: string, work: () => string): string {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof SalesforceError)) throw error
    return `<result>${errorXml(error)}${element('id', id)}<success>false</success></result>`
  }
}

function merge(org: Org, session: Session, request: Node): string {
  const master = request.masterRecord as Node
  const id = normaliseId(master?.Id) ?? ''
  return attempt(id, () => {
    const object = String(master.type ?? org.objectOfId(id))
    if (!['Account', 'Contact', 'Lead'].includes(object))
      throw new SalesforceError('INVALID_TYPE', `merge is not supported for ${object}`)
    const losers = list(request.recordToMergeIds).map((x) => normaliseId(x) ?? '')
    if (losers.length > 2) throw new SalesforceError('LIMIT_EXCEEDED', 'at most 2 records can be merged into a master')
    const { Id: _, type: __, fieldsToNull, ...fields } = master
    for (const name of list(fieldsToNull)) fields[String(name)] = null
    org.merge(object, id, fields, losers, session.user)
    return `<result>${element('id', id)}${losers.map((l) => element('mergedRecordIds', l)).join('')}<success>true</success></result>`
  })
}

function undelete(org: Org, session: Session, given: string): string {
  const id = normaliseId(given) ?? ''
  return attempt(id, () => {
    const object = org.objectOfId(id)
    if (!object) throw new SalesforceError('INVALID_ID_FIELD', `invalid id ${given}`)
    org.undelete(object, id, session.user)
    return `<result>${element('id', id)}<success>true</success></result>`
  })
}

function convertLead(org: Org, session: Session, c: Node): string {
  const leadId = normaliseId(c.leadId) ?? ''
  return attempt(leadId, () => {
    const lead = org.row('Lead', leadId)
    if (!lead) throw new SalesforceError('INVALID_CROSS_REFERENCE_KEY', 'invalid cross reference id')
    if (lead.values.IsConverted) throw new SalesforceError('CANNOT_UPDATE_CONVERTED_LEAD', 'lead already converted')
    const v = lead.values
    const account =
      normaliseId(c.accountId) ??
      org.create('Account', { Name: v.Company, Phone: v.Phone, Website: v.Website, BillingCountry: v.Country }, session.user)
    const contact =
      normaliseId(c.contactId) ??
      org.create(
        'Contact',
        {
          FirstName: v.FirstName,
          LastName: v.LastName,
          Email: v.Email,
          Phone: v.Phone,
          AccountId: account,
        },
        session.user,
      )
    const without = String(c.doNotCreateOpportunity ?? 'false') === 'true'
    const opportunity = without
      ? null
      : org.create(
          'Opportunity',
          {
            Name: c.opportunityName || `${v.Company}-`,
            AccountId: account,
            StageName: 'Prospecting',
            CloseDate: new Date(org.clock.now() + 90 * 86_400_000).toISOString().slice(0, 10),
          },
          session.user,
        )
    org.system(
      'Lead',
      leadId,
      {
        IsConverted: true,
        Status: String(c.convertedStatus ?? 'Closed - Converted'),
        ConvertedDate: new Date(org.clock.now()).toISOString().slice(0, 10),
        ConvertedAccountId: account,
        ConvertedContactId: contact,
        ConvertedOpportunityId: opportunity,
      },
      session.user,
    )
    return `<result>${element('accountId', account)}${element('contactId', contact)}${element('leadId', leadId)}${element('opportunityId', opportunity)}<success>true</success></result>`
  })
}

function userInfo(org: Org, session: Session): string {
  const user = org.row('User', session.user)
  const organization = [...org.table('Organization').rows.values()][0]
  const fields: Record<string, unknown> = {
    accessibilityMode: false,
    chatterExternal: false,
    currencySymbol: org.currency === 'USD' ? '$' : org.currency,
    orgAttachmentFileSizeLimit: 5242880,
    orgDefaultCurrencyIsoCode: org.currency,
    orgDefaultCurrencyLocale: 'en_US',
    orgDisallowHtmlAttachments: false,
    orgHasPersonAccounts: false,
    organizationId: org.id,
    organizationMultiCurrency: false,
    organizationName: organization?.values.Name ?? 'Sandbox',
    profileId: '00e5g000000AAAAAA0',
    roleId: null,
    sessionSecondsValid: 7200,
    userDefaultCurrencyIsoCode: null,
    userEmail: user?.values.Email ?? '',
    userFullName: user?.values.Name ?? '',
    userId: session.user,
    userLanguage: 'en_US',
    userLocale: 'en_US',
    userName: user?.values.Username ?? '',
    userTimeZone: organization?.values.TimeZoneSidKey ?? 'UTC',
    userType: 'Standard',
    userUiSkin: 'Theme3',
  }
  return Object.entries(fields)
    .map(([k, v]) => element(k, v))
    .join('')
}

function login(org: Org, sessions: Sessions, request: Node, base: string): { status: number; xml: string } {
  const user = [...org.table('User').rows.values()].find((u) => u.values.Username === request.username)
  if (!user)
    return {
      status: 500,
      xml: fault('INVALID_LOGIN', 'Invalid username, password, security token; or user locked out.'),
    }
  const { accessToken } = sessions.grant({ user: user.id })
  return {
    status: 200,
    xml: envelope(
      `<loginResponse><result><metadataServerUrl>${base}/services/Soap/m/60.0</metadataServerUrl><passwordExpired>false</passwordExpired><sandbox>true</sandbox><serverUrl>${base}/services/Soap/u/60.0/${org.id.slice(0, 15)}</serverUrl><sessionId>${accessToken}</sessionId><userId>${user.id}</userId><userInfo>${userInfo(org, { user: user.id })}</userInfo></result></loginResponse>`,
    ),
  }
}
