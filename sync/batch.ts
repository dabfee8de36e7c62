import type { Snapshot } from '../connectors/connector.ts'
import type { CompiledMapping } from '../mappings/compile.ts'
import type { CanonicalRow } from '../mappings/lens.ts'
import type { Entity } from '../mappings/model/model.ts'
import type { ConflictRow, FieldState, Flip } from '../mappings/state.ts'
import * as conflicts from '../store/conflicts.ts'
import type { Tx } from '../store/database.ts'
import * as identity from '../store/identity.ts'
import * as intents from '../store/intents.ts'
import * as lanes from '../store/lanes.ts'
import * as links from '../store/links.ts'
import * as queues from '../store/queues.ts'
import * as records from '../store/records.ts'
import * as waiting from '../store/waiting.ts'
import { type Engine, flightOf } from './engine.ts'
import { mappingOf, type Runtime } from './runtime.ts'

/** What a batch of reads is applied under, and everything that applying it changes. */

/** What a batch of reads is applied under. */
export interface ApplyContext {
  rt: Runtime
  all: readonly Runtime[]
  log: Engine['log']
  runId: string | null
  /** Drawn before the request: links that changed since refuse the read. */
  ticket: string
  /** Database time at which the read began. */
  began: number
  /** Database time now. */
  now: number
  /** How long a request may still take effect after it was sent. */
  flightMs: number
  /** The connection's first complete list, and no other connection has rows yet: nothing can match. */
  alone?: boolean
  /** The rows' natural keys were stored when they were staged. */
  keysStored?: boolean
  /** Links that are being pushed right now: what they still have to send is looked at by the push itself. */
  pushing?: ReadonlySet<string>
  /** Rows that show no more than our own last write: where one is overtaken the overlap brings it again. */
  echoes?: ReadonlySet<string>
  /** Rows, as object and id, that reads of this turn showed alive (true) or gone. */
  standing?: ReadonlyMap<string, boolean>
  /** Findings are put in here instead of being stored: pages that are stored side by side would wait for each other's. */
  later?: conflicts.Finding[]
  /** The object was read completely before: new records go out at once. Else the end of that first read sees to it. */
  settled: boolean
}

export interface Counts {
  read: number
  created: number
  linked: number
  updated: number
  conflicts: number
  overruled: number
  review: number
  deleted: number
  outside: number
  putBack: number
}
export const noCounts = (): Counts => ({
  read: 0,
  created: 0,
  linked: 0,
  updated: 0,
  conflicts: 0,
  overruled: 0,
  review: 0,
  deleted: 0,
  outside: 0,
  putBack: 0,
})

/** A row together with what it means. */
export interface Item {
  snapshot: Snapshot
  mapping: CompiledMapping
  reading: CanonicalRow
}

/** Draws what reads are applied under, before the first of their requests leaves. */
export async function drawContext(tx: Tx, engine: Engine, rt: Runtime, runId: string | null): Promise<ApplyContext> {
  const now = await lanes.databaseNow(tx)
  return {
    rt,
    all: engine.runtimes,
    log: engine.log,
    runId,
    ticket: await links.drawTicket(tx),
    began: now,
    now,
    flightMs: flightOf(engine, rt),
    settled: true,
  }
}

/** Everything a batch changes, gathered and then written set by set. */
export class Batch {
  readonly counts = noCounts()
  readonly recordChanges = new Map<string, Record<string, FieldState>>()
  readonly newRecords: { id: string; entity: Entity; fields: Record<string, FieldState> }[] = []
  readonly #linkChanges: links.LinkChange[] = []
  readonly #newLinks = new Map<string, links.NewLink>()
  readonly journal: records.ChangeRow[] = []
  readonly opened: ConflictRow[] = []
  readonly observed: ConflictRow[] = []
  readonly settledConflicts: string[] = []
  /** Links whose open write was settled or does not matter any more. */
  readonly closed: string[] = []
  /** Writes without an answer of which this read could not tell what became of them. */
  readonly doubted: number[] = []
  readonly refused: { linkId: string; id: number; error: unknown }[] = []
  readonly putBack: { object: string; externalId: string; reason: string; delayMs: number }[] = []
  readonly waiting: { waitsFor: string; object: string; externalId: string }[] = []
  readonly keys = new Map<string, identity.KeyRow[]>()
  readonly matches: identity.NewMatch[] = []
  /** Rows whose open review is answered: they were linked. */
  readonly matched: string[] = []
  /** Records that a row left: where none is left, a review of them is over. */
  readonly left: string[] = []
  readonly ownOutbox: string[] = []
  readonly linkedExternal: string[] = []
  readonly findings = new Map<string, conflicts.Finding>()
  /** Recent changes of records that changed often, by record and field. */
  recent: ReadonlyMap<string, ReadonlyMap<string, readonly Flip[]>> = new Map()

  addLink(link: links.NewLink): void {
    this.#newLinks.set(link.id, link)
  }

  /** Changes a link; one that is new in this batch is simply inserted as it is to be. */
  changeLink(change: links.LinkChange): void {
    const fresh = this.#newLinks.get(change.id)
    if (!fresh) {
      this.#linkChanges.push(change)
      return
    }
    fresh.base = { ...fresh.base, ...change.base }
    fresh.seen = Math.max(fresh.seen, change.seen ?? 0)
    fresh.state = change.state ?? fresh.state
  }

  finding(code: string, subject: string, message: string): void {
    const key = `${code} ${subject}`
    const found = this.findings.get(key)
    if (found) found.count++
    else this.findings.set(key, { code, subject, message, count: 1 })
  }

  async write(tx: Tx, ctx: ApplyContext, object: string): Promise<void> {
    const { rt } = ctx
    const created = this.newRecords.map((r) => r.id)
    // They run one after another, in this order; what the next one sends is made ready while the one before it runs.
    await Promise.all([
      records.insertRecords(tx, this.newRecords),
      records.updateRecords(
        tx,
        [...this.recordChanges].map(([id, fields]) => ({ id, fields })),
      ),
      links.insertLinks(tx, [...this.#newLinks.values()]),
      links.updateLinks(tx, this.#linkChanges),
      records.appendChanges(tx, this.journal),
      ctx.keysStored || this.keys.size === 0
        ? undefined
        : identity.putKeys(tx, rt.id, object, [...this.keys.keys()], [...this.keys.values()].flat(), ctx.alone ?? false),
    ])
    await conflicts.insertConflicts(tx, this.opened)
    await conflicts.updateConflicts(tx, this.observed)
    await conflicts.settleConflicts(tx, this.settledConflicts, 'all sides agree')
    await intents.closeWrites(tx, this.closed)
    await intents.refuseWrites(tx, this.refused)
    await intents.askOutcomes(tx, this.doubted)
    await identity.insertMatches(tx, this.matches)
    await identity.settleMatches(tx, rt.id, object, this.matched)
    await identity.settleAbandoned(tx, this.left)
    if (ctx.later) ctx.later.push(...this.findings.values())
    else await conflicts.putFindings(tx, rt.id, [...this.findings.values()])
    await queues.touchOutbox(tx, [...this.recordChanges.keys()], rt.id)
    await queues.touchOutboxLinks(tx, this.ownOutbox)
    await waiting.addWaiting(tx, rt.id, this.waiting)
    if (!ctx.alone) await waiting.wakeWaiting(tx, rt.id, this.linkedExternal)
    for (const reason of new Set(this.putBack.map((p) => p.reason))) {
      const of = this.putBack.filter((p) => p.reason === reason)
      await queues.touchInbox(tx, rt.id, of, reason, Math.max(...of.map((p) => p.delayMs)))
    }
    if (ctx.settled && created.length > 0) await this.#fanOut(tx, ctx)
  }

  /** New records get creating links where their rows can be nowhere else: on connections that were read once. */
  async #fanOut(tx: Tx, ctx: ApplyContext): Promise<void> {
    await lanes.holdFirstReads(tx, 'maker')
    for (const other of ctx.all) {
      if (other.id === ctx.rt.id) continue
      const objects = await lanes.readObjects(tx, other.id)
      for (const [entity, made] of Map.groupBy(this.newRecords, (r) => r.entity)) {
        const mapping = mappingOf(other, entity)
        if (mapping?.document.write && mapping.document.externalId && objects[mapping.object]?.phase === 'poll')
          await links.fanOut(
            tx,
            other.id,
            mapping.object,
            entity,
            made.map((r) => r.id),
          )
      }
    }
  }
}
