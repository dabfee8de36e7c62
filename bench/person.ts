import type { SandboxInfo } from '../sandbox/sandbox.ts'

/** What a person does in the two CRMs, through their public APIs. */
export function person(info: SandboxInfo) {
  const call = async (url: string, token: string, method: string, body?: unknown) => {
    const answer = await fetch(url, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${text.slice(0, 200)}`)
    return text ? JSON.parse(text) : undefined
  }
  return {
    salesforce: (method: string, path: string, body?: unknown) =>
      call(`${info.salesforce.instanceUrl}/services/data/v60.0${path}`, info.salesforce.personToken, method, body),
    hubspot: (method: string, path: string, body?: unknown) =>
      call(`${info.hubspot.baseUrl}${path}`, info.hubspot.personToken, method, body),
  }
}
