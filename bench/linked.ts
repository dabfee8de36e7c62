import { sql } from 'kysely'
import { rows } from '../store/database.ts'
import { drain } from '../sync/drain.ts'
import { type Engine, inTransaction } from '../sync/engine.ts'
import { type EngineKind, makeRig, type Rig } from './rig.ts'

/** Worlds in which everything is linked already. */

/** Accounts and deals, half each, that stand in both CRMs; only these entities are kept. */
export async function linkedRig(kind: EngineKind, records: number): Promise<{ rig: Rig; each: number }> {
  const each = Math.round(records / 2)
  const rig = await makeRig(
    kind,
    { accounts: each, deals: each, contacts: 0, partners: 0, seed: 7, shared: 1, extra: 0, clean: true },
    ['account', 'deal'],
  )
  await drain(rig.engine, { timeoutMs: 30 * 60_000 })
  return { rig, each }
}

/** The two rows of every linked account. */
export const linkedAccounts = (engine: Engine) =>
  inTransaction(engine, (tx) =>
    rows(
      tx,
      sql<{
        sf: string
        hs: string
      }>`select a.external_id as sf, b.external_id as hs from link a join link b on b.record_id = a.record_id and b.object = 'companies'
      where a.object = 'Account' and a.entity = 'account' and a.state = 'live' and b.state = 'live' order by a.external_id`,
    ),
  )
