import { isoTime } from '../time.ts'
import { calculatedNames } from './calculated.ts'
import type { HistoryEntry, Obj } from './model.ts'
import type { Portal } from './portal.ts'
import { reader } from './reading.ts'
import type { TypeDef } from './schema.ts'

/** How records look on the wire. What they show is decided once a request, for all records of its answer. */

export interface RecordBody {
  id: string
  properties: Record<string, string | null>
  createdAt: string
  updatedAt: string
  archived: boolean
  propertiesWithHistory?: Record<string, HistoryEntry[]>
  archivedAt?: string
  url?: string
  [more: string]: unknown
}

export type Renderer = (obj: Obj) => RecordBody

interface Column {
  name: string
  read: (obj: Obj) => string | null
  /** Left out when it is empty. */
  optional: boolean
}

/** Properties that come even when none are asked for. */
const DEFAULTS: Record<string, string[]> = {
  contacts: ['createdate', 'email', 'firstname', 'hs_object_id', 'lastmodifieddate', 'lastname'],
  companies: ['createdate', 'domain', 'hs_lastmodifieddate', 'hs_object_id', 'name'],
  tickets: [
    'content',
    'createdate',
    'hs_lastmodifieddate',
    'hs_object_id',
    'hs_pipeline',
    'hs_pipeline_stage',
    'hs_ticket_category',
    'hs_ticket_priority',
    'subject',
  ],
  deals: ['amount', 'closedate', 'createdate', 'dealname', 'dealstage', 'hs_lastmodifieddate', 'hs_object_id', 'pipeline'],
}
/** Properties that come besides those asked for. */
const always = (def: TypeDef) => [def.properties.has('createdate') ? 'createdate' : 'hs_createdate', def.modified, 'hs_object_id']

/** Where a record came from: told since 2023. */
const SOURCES = ['hs_object_source', 'hs_object_source_id', 'hs_object_source_label']
const sources = (portal: Portal) => (portal.year > 2022 ? SOURCES : [])

/** What reads answer with: the properties that were asked for, and those that always come. */
export function readRenderer(portal: Portal, def: TypeDef, properties: string[] = [], history: string[] = []): Renderer {
  const names =
    properties.length > 0
      ? [...properties.filter((p) => def.properties.has(p)), ...always(def)]
      : (DEFAULTS[def.name] ?? ['hs_createdate', 'hs_lastmodifieddate', 'hs_object_id'])
  const render = renderer(portal, def, columns(portal, def, names))
  const tracked = history.filter((p) => def.properties.has(p))
  if (history.length === 0) return render
  return (obj) => {
    const { archivedAt, url, ...body } = render(obj)
    return {
      ...body,
      propertiesWithHistory: Object.fromEntries(tracked.map((p) => [p, portal.history(def, obj, p)])),
      ...(archivedAt !== undefined && { archivedAt }),
      ...(url !== undefined && { url }),
    }
  }
}

/** What a create and a merge answer with: everything that is set. */
export function createdRenderer(portal: Portal, def: TypeDef): Renderer {
  const held = [...def.properties.keys()].filter((name) => !SOURCES.includes(name))
  return renderer(portal, def, columns(portal, def, [...always(def), ...sources(portal)], held))
}

/** What an update answers with: what it wrote and what follows from it, by what each record was written. */
export function updatedRenderer(portal: Portal, def: TypeDef): (obj: Obj, written: string[]) => RecordBody {
  const known = new Map<string, Renderer>()
  return (obj, written) => {
    const key = written.join()
    let render = known.get(key)
    if (!render) {
      render = renderer(portal, def, echoed(portal, def, written))
      known.set(key, render)
    }
    return render(obj)
  }
}

/** Contacts do not repeat who they are; companies repeat their stage. */
function echoed(portal: Portal, def: TypeDef, written: string[]): Column[] {
  if (def.name === 'contacts')
    return columns(portal, def, [...written, def.modified, ...(written.includes('email') ? ['hs_email_domain'] : [])])
  const stage =
    portal.year > 2022 && def.name === 'companies'
      ? ['lifecyclestage', ...calculatedNames(portal.year, def), ...sources(portal)]
      : []
  return columns(portal, def, [...written, ...always(def)], stage)
}

/** Columns in the order of their names. */
function columns(portal: Portal, def: TypeDef, names: string[], optional: string[] = []): Column[] {
  const certain = new Set(names)
  return [...new Set([...names, ...optional])]
    .sort()
    .map((name) => ({ name, read: reader(portal.year, def, name), optional: !certain.has(name) }))
}

function renderer(portal: Portal, def: TypeDef, columns: Column[]): Renderer {
  const url = portal.year > 2022 && `https://app.hubspot.com/contacts/${portal.id}/record/${def.typeId}/`
  return (obj) => {
    const properties: Record<string, string | null> = {}
    for (const { name, read, optional } of columns) {
      const value = read(obj)
      if (value !== null || !optional) properties[name] = value
    }
    const body: RecordBody = {
      id: obj.id,
      properties,
      createdAt: isoTime(obj.created),
      updatedAt: isoTime(obj.updated),
      archived: obj.archived,
    }
    if (obj.archivedAt !== null) body.archivedAt = isoTime(obj.archivedAt)
    if (url) body.url = url + obj.id
    return body
  }
}
