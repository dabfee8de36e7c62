import type { Connector } from '../connectors/connector.ts'
import { CrmError } from '../connectors/errors.ts'
import { HubspotConnector } from '../connectors/hubspot/hubspot.ts'
import { SalesforceConnector } from '../connectors/salesforce/salesforce.ts'
import { mappingSchema } from '../mappings/mapping.ts'
import type { ObjectSchema } from '../mappings/schema.ts'
import { putFindings } from '../store/conflicts.ts'
import { type ConnectionRow, readSecrets, saveInfo, saveSecrets, userOverrides } from '../store/connections.ts'
import type { Database } from '../store/database.ts'
import { activateMapping, activeMappings, activeVersions } from '../store/mappings.ts'
import { CallBudget, type Pace } from '../sync/budget.ts'
import { noteMissing } from '../sync/remap.ts'
import { makeRuntime, type Runtime } from '../sync/runtime.ts'
import { secretsSchema, TokenSource } from './credentials.ts'
import { defaultMappings } from './default-mappings.ts'
import type { Vault } from './secrets.ts'

/** Brings a stored connection to work: log in, read the account, describe what the mappings use. */
export async function connect(
  db: Database,
  workspace: string,
  vault: Vault,
  row: ConnectionRow,
  pace: Partial<Pace> = {},
): Promise<Runtime> {
  const secrets = secretsSchema.parse(vault.open(row.secrets))
  const tokens = new TokenSource(secrets, {
    load: async () => secretsSchema.parse(vault.open(await db.transaction(workspace, (tx) => readSecrets(tx, row.id)))),
    save: (fresh) => db.transaction(workspace, (tx) => saveSecrets(tx, row.id, vault.seal(fresh))),
  })
  const budget = new CallBudget(tokens, pace)
  const connector: Connector =
    row.kind === 'salesforce'
      ? new SalesforceConnector({ instanceUrl: row.config.instanceUrl!, wire: budget })
      : new HubspotConnector({
          ...(row.config.baseUrl && { baseUrl: row.config.baseUrl }),
          wire: budget,
        })
  const { documents, versions } = await db.transaction(workspace, async (tx) => {
    if ((await activeMappings(tx, row.id)).length === 0)
      for (const document of defaultMappings(row.kind)) await activateMapping(tx, row.id, document.entity, document)
    const found = await activeMappings(tx, row.id)
    return { documents: found.map((m) => mappingSchema.parse(m.document)), versions: await activeVersions(tx, row.id) }
  })
  const overrides = await db.transaction(workspace, (tx) => userOverrides(tx, row.id))
  const [account, users] = [await connector.account(), await connector.users()]
  const schemas = new Map<string, ObjectSchema>()
  const absent: { code: string; subject: string; message: string; count: number }[] = []
  for (const object of new Set(documents.map((d) => d.object))) {
    try {
      schemas.set(object, await connector.describe(object))
    } catch (error) {
      // An object that this account does not have is a finding; its entities are not synced here.
      if (!(error instanceof CrmError) || !error.aboutRequest) throw error
      absent.push({
        code: 'object_missing',
        subject: object,
        message: `${row.name} has no ${object}, or the integration user cannot see it: ${error.message}`,
        count: 1,
      })
    }
  }
  const runtime = makeRuntime({
    id: row.id,
    name: row.name,
    position: row.position,
    sandbox: row.sandbox,
    connector,
    budget,
    account,
    users,
    overrides,
    schemas,
    documents,
    versions,
  })
  const warnings = account.warnings.map((w) => ({ code: 'warning', subject: w, message: w, count: 1 }))
  await db.transaction(workspace, async (tx) => {
    await saveInfo(tx, row.id, account)
    await putFindings(tx, row.id, [...absent, ...warnings])
    await noteMissing(tx, runtime)
  })
  return runtime
}
