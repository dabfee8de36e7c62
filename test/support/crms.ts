import { randomUUID } from 'node:crypto'
import type { SandboxInfo } from '../../sandbox/sandbox.ts'
import type { Vault } from '../../src/secrets.ts'
import { type ConnectionRow, listConnections, putConnection } from '../../store/connections.ts'
import type { Database } from '../../store/database.ts'

/** Local CRMs, as tests reach them and as connections of a workspace. */

export interface Answer {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: tests look into CRM answers freely
  body: any
}

/** One request of a person or of the control API. */
export async function call(url: string, method: string, token: string, body?: unknown): Promise<Answer> {
  const answer = await fetch(url, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  return { status: answer.status, body: text ? JSON.parse(text) : undefined }
}

/** Stores connections to the Salesforce of the first sandbox, and to the HubSpot of each, under these names. */
export async function storeConnections(
  db: Database,
  workspace: string,
  vault: Vault,
  infos: readonly SandboxInfo[],
  hubspots: readonly string[] = ['hubspot'],
): Promise<ConnectionRow[]> {
  const { salesforce: s } = infos[0]!
  const common = { sandbox: true, writesEnabled: true }
  await db.transaction(workspace, async (tx) => {
    await putConnection(tx, {
      ...common,
      id: randomUUID(),
      name: 'salesforce',
      kind: 'salesforce',
      position: 0,
      config: { instanceUrl: s.instanceUrl },
      secrets: vault.seal({
        kind: 'refresh',
        tokenUrl: `${s.loginUrl}/services/oauth2/token`,
        clientId: s.clientId,
        clientSecret: s.clientSecret,
        refreshToken: s.refreshToken,
      }),
    })
    for (const [i, name] of hubspots.entries())
      await putConnection(tx, {
        ...common,
        id: randomUUID(),
        name,
        kind: 'hubspot',
        position: 1 + i,
        config: { baseUrl: infos[i]!.hubspot.baseUrl },
        secrets: vault.seal({ kind: 'token', accessToken: infos[i]!.hubspot.accessToken }),
      })
  })
  return db.transaction(workspace, listConnections)
}
