import type { Clock } from '../clock.ts'
import { seeded } from '../faults.ts'
import type { PortalEvent } from './model.ts'
import type { Portal } from './portal.ts'
import { signatures } from './signature.ts'

/** Delivers the portal's events to one target URL, signed with v3, as HubSpot does. */

const CLASSIC: Record<string, string> = {
  contacts: 'contact',
  companies: 'company',
  deals: 'deal',
  tickets: 'ticket',
  products: 'product',
  line_items: 'line_item',
}

export interface Unkindness {
  /** Share of events that never arrive, */
  lose?: number | undefined
  /** that arrive twice, */
  double?: number | undefined
  /** and whether they come in any order. */
  shuffle?: boolean | undefined
}

export interface Subscription {
  type: string
  /** Only for propertyChange: the property; undefined subscribes to all (the sandbox allows it). */
  property?: string
}

export class Webhooks {
  readonly #clock: Clock
  readonly #secret: string
  readonly #portal: Portal
  target: string | undefined
  appId: number
  #queue: Record<string, unknown>[] = []
  #timer: NodeJS.Timeout | undefined
  #eventId = 1
  /** How long events are gathered before a delivery. */
  delayMs = 50
  /** What happens to events on their way: HubSpot promises neither once nor in order, and gives up after a day. */
  unkind: Unkindness = {}
  #random = seeded(1)
  delivered = 0
  failed = 0

  constructor(clock: Clock, portal: Portal, secret: string, appId: number) {
    this.#clock = clock
    this.#portal = portal
    this.#secret = secret
    this.appId = appId
    portal.onEvent = (event) => this.push(event)
  }

  push(event: PortalEvent): void {
    if (!this.target) return
    this.#queue.push(this.#payload(event))
    if (Number.isFinite(this.delayMs)) this.#timer ??= setTimeout(() => void this.flush(), this.delayMs).unref()
  }

  /** @param seed the same events meet the same fate again. */
  setUnkind(unkind: Unkindness, seed = 1): void {
    this.unkind = unkind
    this.#random = seeded(seed)
  }

  /** Takes what is queued, as it would arrive: with some lost, doubled, out of order. */
  take(): Record<string, unknown>[] {
    const { lose = 0, double = 0, shuffle = false } = this.unkind
    const queued = this.#queue.splice(0)
    const arrived = queued
      .filter(() => lose === 0 || this.#random() >= lose)
      .flatMap((e) => (double > 0 && this.#random() < double ? [e, e] : [e]))
    if (!shuffle) return arrived
    return arrived
      .map((e) => [this.#random(), e] as const)
      .sort(([a], [b]) => a - b)
      .map(([, e]) => e)
  }

  /** Sends what is queued, at most 100 events a request; a failed request is retried three times. */
  async flush(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = undefined
    if (!this.target) return
    const arriving = this.take()
    for (let from = 0; from < arriving.length; from += 100) {
      const events = arriving.slice(from, from + 100)
      for (let attempt = 0; attempt < 3; attempt++) {
        if (await this.#deliver(events.map((e) => ({ ...e, attemptNumber: attempt })))) {
          this.delivered += events.length
          break
        }
        this.failed++
      }
    }
  }

  async #deliver(events: Record<string, unknown>[]): Promise<boolean> {
    const body = JSON.stringify(events)
    const timestamp = String(this.#clock.now())
    const signed = { secret: this.#secret, method: 'POST', uri: this.target ?? '', body, timestamp }
    try {
      const answer = await fetch(this.target!, {
        method: 'POST',
        body,
        signal: AbortSignal.timeout(5_000),
        headers: {
          'Content-Type': 'application/json',
          'X-HubSpot-Signature': signatures.v1(signed),
          'X-HubSpot-Signature-Version': 'v1',
          'X-HubSpot-Signature-v3': signatures.v3(signed),
          'X-HubSpot-Request-Timestamp': timestamp,
        },
      })
      return answer.ok
    } catch {
      // Nobody listens, or too slowly: HubSpot counts that as a failed attempt too.
      return false
    }
  }

  #payload(e: PortalEvent): Record<string, unknown> {
    const classic = CLASSIC[e.type]
    const common = {
      eventId: this.#eventId++,
      subscriptionId: 1,
      portalId: this.#portal.id,
      appId: this.appId,
      occurredAt: e.at,
      subscriptionType: `${classic ?? 'object'}.${e.kind}`,
      attemptNumber: 0,
      ...(!classic && { objectTypeId: this.#portal.find(e.type)?.def.typeId }),
      changeSource: e.source.type,
      sourceId: e.source.type === 'CRM_UI' ? `userId:${e.source.userId}` : e.source.id,
    }
    switch (e.kind) {
      case 'propertyChange':
        return { ...common, objectId: Number(e.id), propertyName: e.property, propertyValue: e.value ?? '' }
      case 'creation':
        return { ...common, objectId: Number(e.id), changeFlag: 'NEW' }
      case 'deletion':
        return { ...common, objectId: Number(e.id), changeFlag: 'DELETED' }
      case 'restore':
        return { ...common, objectId: Number(e.id), changeFlag: 'RESTORED' }
      case 'merge':
        return {
          ...common,
          objectId: Number(e.id),
          primaryObjectId: Number(e.merge!.primary),
          mergedObjectIds: e.merge!.merged.map(Number),
          newObjectId: Number(e.merge!.created),
          numberOfPropertiesMoved: e.merge!.moved,
        }
      case 'associationChange': {
        const to = CLASSIC[e.association!.toType]
        return {
          ...common,
          associationType: `${(classic ?? e.type).toUpperCase()}_TO_${(to ?? e.association!.toType).toUpperCase()}`,
          fromObjectId: Number(e.id),
          toObjectId: Number(e.association!.toId),
          associationRemoved: e.association!.removed,
          isPrimaryAssociation: e.association!.primary,
        }
      }
    }
  }
}
