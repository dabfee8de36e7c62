import { sql } from 'kysely'
import { rows } from '../../store/database.ts'
import { verify } from '../../sync/verify/verify.ts'
import { type Crm, EDITED, type Kind } from './history.ts'
import type { Field, Row } from './people.ts'
import { compareAll, inTx, OBJECT, type Stage, turn } from './stage.ts'
import { canonical, type Edit, fromCanonical, type Story } from './story.ts'
import { FORBIDDEN } from './unkind.ts'

/**
 * What was promised, checked against what people did and what the CRMs show them. Written from the promises: the
 * engine's own comparison is only asked at the end, whether it agrees.
 */

export interface Violation {
  promise: string
  what: string
}

const KINDS: Kind[] = ['account', 'contact', 'deal']

interface Link {
  crm: Crm
  object: string
  externalId: string | null
  recordId: string | null
  state: string
}

/** Everything the oracle looks at. */
interface Evidence {
  shown: Record<string, Record<Kind, Row[]>>
  links: Link[]
  records: Map<string, { entity: string; fields: Record<string, { v?: unknown }>; deleted: boolean; frozen: string | null }>
  /** record or row merged away -> what it became. */
  redirects: Map<string, string>
  /** Texts in which a value is kept that did not prevail, by record and canonical field. */
  kept: Map<string, string>
  openConflicts: Set<string>
  /** Records and rows about which a person is asked, or is told that something was refused. */
  listed: Set<string>
  changes: { recordId: string; kind: string; origin: string; entity: string; fields: Record<string, [unknown, unknown]> }[]
  /** Values that a CRM found invalid. */
  refused: { recordId: string; entity: string; field: string; value: unknown; message: string }[]
}

export async function judge(story: Story): Promise<Violation[]> {
  const { stage } = story
  const found: Violation[] = []
  if (!story.rested) found.push({ promise: 'it converges', what: `the lanes do not come to rest: ${await restless(stage)}` })
  found.push(...(await unread(stage)))
  if (!(await compareAll(stage)))
    found.push({ promise: 'it converges', what: `complete comparisons do not come to rest: ${await restless(stage)}` })
  const evidence = await gather(stage)
  found.push(...story.wrong, ...parentsAgree(story, evidence), ...deletesTravel(story, evidence))
  found.push(
    ...agreement(stage, evidence),
    ...lostEdits(story, evidence),
    ...inventions(story, evidence),
    ...twins(story, evidence),
    ...refusals(story, evidence),
    ...privateFields(story, evidence),
  )
  found.push(...replay(evidence), ...(await stillness(stage)))
  const verification = await verify(stage.engine)
  for (const d of verification.list.filter((x) => x.reason === null))
    found.push({
      promise: 'verify explains',
      what: `${d.entity}.${d.field} ${JSON.stringify({ canonical: d.canonical, ...d.values })}`,
    })
  return found
}

async function restless(stage: Stage): Promise<string> {
  const open = await inTx(stage, (tx) =>
    rows(
      tx,
      sql<{
        what: string
        n: number
      }>`select 'inbox: ' || reason as what, count(*) as n from inbox group by 1 union all select 'outbox ' || entity, count(*) from outbox group by 1
      union all select 'open write', count(*) from open_write having count(*) > 0 union all select 'undo', count(*) from undo_step where state = 'planned' having count(*) > 0`,
    ),
  )
  return JSON.stringify(open)
}

async function gather(stage: Stage): Promise<Evidence> {
  const shown: Evidence['shown'] = {}
  for (const crm of stage.crms) {
    const [account, contact, deal] = await Promise.all(KINDS.map((kind) => stage.people[crm]!.rows(kind)))
    shown[crm] = { account: account!, contact: contact!, deal: deal! }
  }
  return inTx(stage, async (tx) => {
    const links = await rows(
      tx,
      sql<Link>`select c.name as crm, object, external_id as "externalId", record_id as "recordId", state from link join connection c on c.id = link.connection_id`,
    )
    const records = await rows(
      tx,
      sql<{
        id: string
        entity: string
        fields: Record<string, { v?: unknown }>
        deleted: boolean
        frozen: string | null
      }>`select id, entity, fields, deleted_at is not null as deleted, frozen from record`,
    )
    const redirects = await rows(
      tx,
      sql<{
        from: string
        to: string
      }>`select from_id::text as "from", to_id::text as "to" from record_redirect
      union all select c.name || ' ' || from_id, c.name || ' ' || to_id from external_redirect join connection c on c.id = connection_id`,
    )
    const texts = await rows(
      tx,
      sql<{ key: string; text: string }>`
      select record_id || ' ' || field as key, concat_ws(' ', base::text, sides::text, history::text, resolution::text) as text from conflict
      union all select record_id || ' ' || f.key, f.value::text from change, jsonb_each(fields) f where kind in ('overruled', 'conflict', 'settled', 'resolved')
      union all select record_id || ' ' || f.key, f.value::text from undo_step, jsonb_each(fields) f
      union all select record_id || ' ' || field, value::text from dead_letter`,
    )
    const kept = new Map<string, string>()
    for (const { key, text } of texts) kept.set(key, `${kept.get(key) ?? ''} ${text}`)
    const open = await rows(tx, sql<{ key: string }>`select record_id || ' ' || field as key from conflict where state = 'open'`)
    const listed = await rows(
      tx,
      sql<{
        id: string
      }>`select id::text as id from record where frozen is not null union select record_id::text from dead_letter union select unnest(record_ids)::text from match where state in ('open', 'possible')
      union select external_id from match where state in ('open', 'possible') union select external_id from link where state in ('held', 'duplicate', 'outside')
      union select record_id::text from link where state in ('held', 'duplicate', 'withdrawn') and record_id is not null
      union select link.record_id::text from waiting_out join link on link.id = waiting_out.link_id union select external_id from waiting`,
    )
    const changes = await rows(
      tx,
      sql<
        Evidence['changes'][number]
      >`select record_id as "recordId", change.kind, coalesce(c.name, change.origin) as origin, record.entity, change.fields from change join record on record.id = change.record_id
        left join connection c on c.id::text = change.origin order by change.id`,
    )
    const refused = await rows(
      tx,
      sql<
        Evidence['refused'][number]
      >`select record_id as "recordId", entity, field, value, message from dead_letter where class = 'invalid_value'`,
    )
    return {
      refused,
      shown,
      links,
      records: new Map(records.map((r) => [r.id, r])),
      redirects: new Map(redirects.map((r) => [r.from, r.to])),
      kept,
      openConflicts: new Set(open.map((o) => o.key)),
      listed: new Set(listed.map((l) => l.id)),
      changes,
    }
  })
}

function followed(e: Evidence, id: string): string {
  let now = id
  for (let i = 0; i < 10 && e.redirects.has(now); i++) now = e.redirects.get(now)!
  return now
}

/** Ids are only told apart within a CRM: two portals count alike. */
const rowName = (crm: string, id: string): string => (crm === 'api' ? id : `${crm} ${id}`)

/** The record that a row belongs to now. */
function recordOf(e: Evidence, crm: Crm | 'api', kind: Kind, id: string): string | undefined {
  if (crm === 'api') return followed(e, id)
  const names = [rowName(crm, id), followed(e, rowName(crm, id))]
  const own = e.links.filter(
    (l) => l.object === OBJECT[crm][kind] && l.recordId !== null && names.includes(rowName(l.crm, l.externalId ?? '')),
  )
  const link = own.find((l) => l.state === 'live') ?? own[0]
  return link ? followed(e, link.recordId!) : undefined
}

// --- linked records agree, or are listed ------------------------------------------------------------

function agreement(stage: Stage, e: Evidence): Violation[] {
  const found: Violation[] = []
  const bad = (what: string) => found.push({ promise: 'linked records agree', what })
  for (const crm of stage.crms)
    for (const kind of KINDS)
      for (const row of e.shown[crm]![kind]) {
        if (crm === 'second' && kind === 'contact') continue
        const link = e.links.find(
          (l) => l.crm === crm && l.object === OBJECT[crm][kind] && l.externalId === row.id && l.state !== 'dead',
        )
        if (!link && !e.listed.has(row.id)) {
          bad(`${crm} ${kind} ${row.id} (${row.key}) belongs to nothing, and nobody is told`)
          continue
        }
        if (!link?.recordId || link.state !== 'live') continue
        const record = e.records.get(link.recordId)!
        if (record.deleted && record.frozen === null)
          bad(`${crm} ${kind} ${row.id} stands, its record ${link.recordId} is deleted`)
        if (record.frozen !== null) continue
        for (const field of EDITED[kind]) {
          const [hub, here] = [fromCanonical(record.fields[canonical(field)]?.v), row.values[field as Field] ?? null]
          if (hub !== here && !e.openConflicts.has(`${link.recordId} ${canonical(field)}`) && !e.listed.has(link.recordId))
            bad(`${crm} ${kind} ${row.id} ${field}: shows ${here}, its record holds ${hub}`)
        }
      }
  for (const [id, record] of e.records) {
    if (record.deleted || record.frozen !== null || e.listed.has(id)) continue
    for (const crm of stage.crms) {
      const kind = record.entity as Kind
      if (!KINDS.includes(kind) || (crm === 'second' && kind === 'contact')) continue
      const own = e.links.find((l) => l.recordId === id && l.crm === crm && l.state === 'live')
      if (!own) bad(`${kind} ${id} has no row in ${crm}, and nobody is told`)
      else if (!e.shown[crm]![kind].some((r) => r.id === own.externalId))
        bad(`${kind} ${id}: its row ${own.externalId} does not stand in ${crm}`)
    }
  }
  return found
}

/** What people see in a CRM and polls have not brought, though nothing is left to do: only complete lists would find it. */
async function unread(stage: Stage): Promise<Violation[]> {
  const e = await gather(stage)
  const found: Violation[] = []
  const bases = await inTx(stage, (tx) =>
    rows(
      tx,
      sql<{
        crm: Crm
        object: string
        externalId: string
        base: Record<string, { c?: unknown }>
        recordId: string
        still: boolean
      }>`select c.name as crm, object, external_id as "externalId", base, record_id as "recordId",
      record.frozen is not null or record.deleted_at is not null as still from link join connection c on c.id = link.connection_id join record on record.id = link.record_id where state = 'live'`,
    ),
  )
  for (const crm of stage.crms)
    for (const kind of KINDS)
      for (const row of e.shown[crm]![kind]) {
        const link = bases.find((b) => b.crm === crm && b.object === OBJECT[crm][kind] && b.externalId === row.id)
        if (!link || link.still || e.listed.has(link.recordId)) continue
        for (const field of EDITED[kind]) {
          const [base, here] = [fromCanonical(link.base[canonical(field)]?.c), row.values[field as Field] ?? null]
          const held = e.kept.get(`${link.recordId} ${canonical(field)}`) !== undefined
          if (base !== here && !held)
            found.push({
              promise: 'polls bring every change',
              what: `${crm} ${kind} ${row.id} ${field}: shows ${here}, last seen ${base}`,
            })
        }
      }
  return found
}

/** Rows of one record belong to the same account everywhere. */
function parentsAgree(story: Story, e: Evidence): Violation[] {
  const found: Violation[] = []
  // What becomes of references when an account goes, or becomes another, is told by tests of their own.
  if (story.touched.some((t) => t.what !== 'move')) return found
  const { stage } = story
  for (const kind of ['contact', 'deal'] as const) {
    const parents = new Map<string, Map<string, string | null>>()
    for (const crm of stage.crms)
      for (const row of e.shown[crm]![kind]) {
        const record = recordOf(e, crm, kind, row.id)
        if (!record || e.listed.has(record) || e.openConflicts.has(`${record} account`)) continue
        const parent = row.parent === null ? null : (recordOf(e, crm, 'account', row.parent) ?? `unknown ${row.parent}`)
        const known = parents.get(record) ?? new Map<string, string | null>()
        parents.set(record, known.set(crm, parent))
      }
    for (const [record, of] of parents)
      if (new Set(of.values()).size > 1)
        found.push({
          promise: 'linked records agree',
          what: `${kind} ${record} belongs to ${JSON.stringify(Object.fromEntries(of))}`,
        })
  }
  return found
}

/** What people deleted is gone everywhere, or they are asked; and nothing else is gone. */
function deletesTravel(story: Story, e: Evidence): Violation[] {
  const found: Violation[] = []
  const did = new Set(story.touched.map((t) => t.what))
  const deletes = story.touched.filter((t) => t.what === 'delete' || t.what === 'api_delete')
  const meant = new Set(
    deletes.flatMap((t) =>
      t.crm === 'api' ? [followed(e, t.id)] : KINDS.flatMap((kind) => recordOf(e, t.crm, kind, t.id) ?? []),
    ),
  )
  if (!did.has('restore') && !did.has('decide') && !did.has('undo') && !did.has('merge'))
    for (const id of meant) {
      const record = e.records.get(id)
      if (record && !record.deleted && record.frozen === null)
        found.push({ promise: 'deletes travel', what: `${record.entity} ${id} was deleted, and stands` })
    }
  if (did.has('undo') || did.has('decide') || deletes.length > 0) return found
  for (const [id, record] of e.records)
    if (record.deleted && !e.redirects.has(id))
      found.push({ promise: 'nothing is deleted that nobody deleted', what: `${record.entity} ${id}` })
  return found
}

// --- no edit is lost --------------------------------------------------------------------------------

function lostEdits(story: Story, e: Evidence): Violation[] {
  const found: Violation[] = []
  const touched = new Set(
    story.touched.filter((t) => t.what !== 'move').flatMap((t) => [rowName(t.crm, t.id), followed(e, rowName(t.crm, t.id))]),
  )
  const undone = story.touched.some((t) => t.what === 'undo')
  const byField = Map.groupBy(
    story.edits.map((edit) => ({ edit, record: recordOf(e, edit.where, edit.kind, edit.id) })),
    ({ edit, record }) => `${record ?? `unknown ${edit.where} ${edit.id}`} ${canonical(edit.field)}`,
  )
  for (const [key, of] of byField) {
    const record = of[0]!.record
    const edits = of.map((o) => o.edit)
    const field = edits[0]!.field
    const own = new Set(
      record
        ? e.links.filter((l) => followed(e, l.recordId ?? '') === record).map((l) => rowName(l.crm, l.externalId ?? ''))
        : edits.map((x) => rowName(x.where, x.id)),
    )
    // What a CRM itself did with a row that was merged, deleted or restored is told by the journal below.
    const whole =
      ![...own].some((id) => touched.has(id)) && !(record && touched.has(record)) && !e.records.get(record ?? '')?.deleted
    const texts = `${e.kept.get(key) ?? ''} ${[...e.redirects]
      .filter(([, to]) => to === record)
      .map(([from]) => e.kept.get(`${from} ${canonical(field)}`) ?? '')
      .join(' ')}`
    const finals = story.stage.crms.flatMap((crm) =>
      e.shown[crm]![edits[0]!.kind].filter((r) => own.has(rowName(crm, r.id))).map((r) => r.values[field] ?? null),
    )
    for (const edit of edits) {
      if (edit.value === null) continue
      if (finals.includes(edit.value) || texts.includes(edit.value)) continue
      // The record keeps it, and a person is asked.
      const held = e.records.get(record ?? '')
      if (held && held.frozen !== null && fromCanonical(held.fields[canonical(field)]?.v) === edit.value) continue
      // Somebody saw it, and typed another.
      if (edits.some((x) => x.seq > edit.seq && x.saw === edit.value)) continue
      if (!whole && journalled(e, edit.value)) continue
      if (gone(story, e, edit)) continue
      found.push({
        promise: 'nothing is lost',
        what: `${edit.where} ${edit.kind} ${edit.id} ${field} = ${edit.value} (saw ${edit.saw}); now ${JSON.stringify(finals)}`,
      })
    }
    if (!whole || undone || texts.trim() !== '' || e.records.get(record ?? '')?.frozen) continue
    const last = edits.at(-1)!
    // At first link a blank takes the other side's value: it cannot be told from one that was never filled in.
    if (last.value === null && madeTwice(story, last)) continue
    const words = [last, lastButTakenBack(edits)].map((x) => x?.value)
    if (!words.some((word) => finals.every((f) => f === word)))
      found.push({
        promise: 'the last word counts',
        what: `${last.kind} ${field}: last ${last.value} in ${last.where}, now ${JSON.stringify(finals)}, and no conflict`,
      })
  }
  return found
}

/** Who types a value and takes it back before anybody has read it has said nothing: the last word is that of another. */
function lastButTakenBack(edits: readonly Edit[]): Edit | undefined {
  const last = edits.at(-1)!
  const typed = edits.findLast((x) => x.where === last.where && x.id === last.id && x.value === last.saw)
  return typed?.saw === last.value ? edits.findLast((x) => x !== last && x !== typed) : undefined
}

/** Two people made the same thing in two CRMs. */
const madeTwice = (story: Story, edit: Edit): boolean => {
  const key = story.made.find((m) => m.crm === edit.where && m.id === edit.id)?.key
  return story.made.filter((m) => m.key === key).length > 1
}

const journalled = (e: Evidence, value: string) => e.changes.some((c) => JSON.stringify(c.fields).includes(value))

/** The row went with what was typed: somebody deleted it, or it was merged, before anybody read it. */
const gone = (story: Story, e: Evidence, edit: Edit) =>
  edit.where !== 'api' &&
  !e.shown[edit.where]![edit.kind].some((r) => r.id === edit.id) &&
  // A row below an account goes with it, and what a person decides about goes as it is.
  story.touched.some(
    (t) => t.what === 'decide' || (t.crm === edit.where && t.what !== 'move' && (edit.kind !== 'account' || t.id === edit.id)),
  )

// --- nothing is changed that nobody changed ---------------------------------------------------------

/** What people have typed is replaced by what somebody typed, and by nothing else: not for a moment. */
function inventions(story: Story, e: Evidence): Violation[] {
  // What a CRM makes of a row that is merged, restored or taken back is nobody's word.
  if (story.touched.some((t) => t.what !== 'move') || story.ruled) return []
  const said = new Set(story.edits.map((x) => `${x.where} ${x.kind} ${canonical(x.field)} ${x.value}`))
  const typedAnywhere = new Set(story.edits.map((x) => x.value))
  const overruled = new Set(
    e.changes.filter((c) => c.kind === 'overruled').flatMap((c) => Object.keys(c.fields).map((f) => `${c.recordId} ${f}`)),
  )
  return e.changes
    .filter((c) => c.kind === 'update' && story.stage.crms.some((crm) => crm === c.origin))
    .flatMap(({ recordId, origin, entity, fields }) =>
      Object.entries(fields).flatMap(([field, [from, to]]) => {
        const [was, is] = [fromCanonical(from), fromCanonical(to)]
        const fine =
          was === null ||
          !typedAnywhere.has(was) ||
          said.has(`${origin} ${entity} ${field} ${is}`) ||
          overruled.has(`${recordId} ${field}`)
        return fine
          ? []
          : [
              {
                promise: 'nothing is changed that nobody changed',
                what: `${entity} ${recordId} ${field}: ${was} became ${is}, in the name of ${origin}`,
              },
            ]
      }),
    )
}

// --- a sick record stops no other -------------------------------------------------------------------

/** What the CRMs refuse is what their rules forbid, and nothing beside it. */
function refusals({ ruled }: Story, e: Evidence): Violation[] {
  return e.refused.flatMap(({ recordId, entity, field, value, message }) => {
    const forbidden = field === 'employees' || (field === 'jobTitle' && FORBIDDEN.test(String(value)))
    // A row that nobody may make with what it holds is refused as a whole.
    const whole = field === '(create)' || field === '(record)'
    return ruled && (forbidden || whole)
      ? []
      : [{ promise: 'a sick record stops no other', what: `${entity} ${recordId} ${field} = ${value} was refused: ${message}` }]
  })
}

// --- no twins ---------------------------------------------------------------------------------------

function twins(story: Story, e: Evidence): Violation[] {
  const found: Violation[] = []
  const merged = new Set(story.touched.filter((t) => t.what === 'merge').map((t) => rowName(t.crm, t.id)))
  // A person who merged such a row with another has given that one its key.
  const muddled = new Set(story.made.filter((m) => merged.has(rowName(m.crm, m.id))).map((m) => m.key))
  // Who merges two companies in one CRM leaves two rows in the other: one of them is listed as a duplicate.
  const doubled = new Set(e.links.flatMap((l) => (l.state === 'duplicate' ? (l.externalId ?? []) : [])))
  for (const crm of story.stage.crms)
    for (const kind of KINDS)
      for (const [key, standing] of Map.groupBy(e.shown[crm]![kind], (r) => r.key)) {
        const made = story.made.filter((m) => m.crm === crm && m.kind === kind && m.key === key).length
        // A row that a person took back while another one was made in its place is listed.
        const excused = story.touched.some((t) => t.what === 'restore') ? e.listed : merged.size > 0 ? doubled : new Set<string>()
        const own = standing.filter((r) => !excused.has(r.id))
        if (own.length > Math.max(1, made) && !muddled.has(key))
          found.push({
            promise: 'no twins',
            what: `${crm} ${kind} ${key} stands ${standing.length} times: ${standing.map((s) => s.id).join(', ')}`,
          })
      }
  return found
}

// --- no write outside the mapping -------------------------------------------------------------------

function privateFields(story: Story, e: Evidence): Violation[] {
  const merged = new Set(
    story.touched.filter((t) => t.what === 'merge').flatMap((t) => [rowName(t.crm, t.id), followed(e, rowName(t.crm, t.id))]),
  )
  const muddled = new Set(story.made.filter((m) => merged.has(rowName(m.crm, m.id))).map((m) => m.private))
  const found: Violation[] = []
  for (const crm of story.stage.crms)
    for (const kind of KINDS)
      for (const row of e.shown[crm]![kind]) {
        if (kind === 'deal' || merged.has(rowName(crm, row.id))) continue
        const made = story.made.find((m) => m.crm === crm && m.id === row.id)
        // What came of a merge has a new id in HubSpot, and what one of the two had.
        if (row.private !== null && muddled.has(row.private)) continue
        if (row.private !== (made?.private ?? null))
          found.push({
            promise: 'no write outside the mapping',
            what: `${crm} ${kind} ${row.id}: ${row.private}, and was ${made?.private ?? null}`,
          })
      }
  return found
}

// --- the journal replays to the state ---------------------------------------------------------------

function replay(e: Evidence): Violation[] {
  const found: Violation[] = []
  const state = new Map<string, unknown>()
  for (const c of e.changes) {
    if (['overruled', 'overwritten', 'conflict', 'adjusted', 'settled'].includes(c.kind)) continue
    for (const [name, [, to]] of Object.entries(c.fields)) state.set(`${c.recordId} ${name}`, to ?? null)
  }
  for (const [id, record] of e.records)
    for (const [name, f] of Object.entries(record.fields)) {
      const [told, is] = [JSON.stringify(state.get(`${id} ${name}`) ?? null), JSON.stringify(f.v ?? null)]
      if (told !== is)
        found.push({
          promise: 'the journal replays to the state',
          what: `${record.entity} ${id} ${name} is ${is}, the journal says ${told}`,
        })
    }
  return found
}

// --- at rest nothing is written ---------------------------------------------------------------------

async function stillness(stage: Stage): Promise<Violation[]> {
  const writes = async () => (await inTx(stage, (tx) => rows(tx, sql<{ n: number }>`select count(*) as n from write`)))[0]!.n
  const before = await writes()
  for (const direction of ['pull', 'push'] as const) await Promise.all(stage.crms.map((crm) => turn(stage, crm, direction)))
  const after = await writes()
  return after === before ? [] : [{ promise: 'it converges', what: `at rest ${after - before} more writes were made` }]
}
