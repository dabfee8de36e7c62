import { calculatedNames } from './calculated.ts'
import type { Obj } from './model.ts'
import type { Portal } from './portal.ts'
import type { PropertyDef, TypeDef } from './schema.ts'

/** How records, properties, pipelines and owners look on the wire. */

export const iso = (ms: number): string => new Date(ms).toISOString()

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
const defaults = (def: TypeDef) => DEFAULTS[def.name] ?? ['hs_createdate', 'hs_lastmodifieddate', 'hs_object_id']
/** Properties that come besides those asked for. */
const always = (def: TypeDef) => [def.properties.has('createdate') ? 'createdate' : 'hs_createdate', def.modified, 'hs_object_id']

/** Where a record came from: told since 2023. */
const sources = (portal: Portal) =>
  portal.year > 2022 ? ['hs_object_source', 'hs_object_source_id', 'hs_object_source_label'] : []

/** An update's answer. Contacts do not repeat who they are; companies repeat their stage. */
function echoed(portal: Portal, def: TypeDef, obj: Obj, written: string[]): string[] {
  if (def.name === 'contacts')
    return [...new Set([...written, def.modified, ...(written.includes('email') ? ['hs_email_domain'] : [])])]
  const stage =
    portal.year > 2022 && def.name === 'companies'
      ? ['lifecyclestage', ...calculatedNames(portal.year, def), ...sources(portal)]
      : []
  return [...new Set([...written, ...always(def), ...stage.filter((n) => portal.value(def, obj, n) !== null)])]
}

export interface RenderOptions {
  properties?: string[] | undefined
  history?: string[] | undefined
  /** What an update wrote: it answers with that and what follows from it. */
  written?: string[]
  /** Everything that is set: what create and merge answer with. */
  all?: boolean
  url?: boolean
}

export function renderObject(
  portal: Portal,
  def: TypeDef,
  obj: Obj,
  { properties, history, written, all, url = true }: RenderOptions = {},
) {
  const names = all
    ? [
        ...new Set([
          ...Object.keys(obj.properties).filter((n) => obj.properties[n] !== null),
          ...always(def),
          ...calculatedNames(portal.year, def).filter((n) => portal.value(def, obj, n) !== null),
          ...sources(portal),
        ]),
      ]
    : written
      ? echoed(portal, def, obj, written)
      : properties && properties.length > 0
        ? [...new Set([...properties.filter((p) => def.properties.has(p)), ...always(def)])]
        : defaults(def)
  const body: Record<string, unknown> = {
    id: obj.id,
    properties: Object.fromEntries(names.sort().map((n) => [n, portal.value(def, obj, n)])),
    createdAt: iso(obj.created),
    updatedAt: iso(obj.updated),
    archived: obj.archived,
  }
  if (history && history.length > 0)
    body.propertiesWithHistory = Object.fromEntries(
      history.filter((p) => def.properties.has(p)).map((p) => [p, portal.history(def, obj, p)]),
    )
  if (obj.archivedAt !== null) body.archivedAt = iso(obj.archivedAt)
  if (url && portal.year > 2022) body.url = `https://app.hubspot.com/contacts/${portal.id}/record/${def.typeId}/${obj.id}`
  return body
}

const EXTERNAL = new Set(['hubspot_owner_id', 'pipeline', 'dealstage', 'hs_pipeline', 'hs_pipeline_stage'])

/** @param stamps whether it says when and by whom it was made: a batch's answer does not. */
export function renderProperty(portal: Portal, def: TypeDef, p: PropertyDef, stamps = true) {
  // Owners, pipelines and stages have APIs of their own; their options are not repeated here.
  const external = EXTERNAL.has(p.name)
  const options =
    p.name === 'deal_currency_code'
      ? portal.currencies.map((c, i) => ({ label: c, value: c, displayOrder: i, hidden: false }))
      : external
        ? []
        : p.options.map((o) => ({ ...o, ...(p.hubspotDefined && p.type === 'enumeration' && { description: '' }) }))
  return {
    ...(stamps && { updatedAt: p.updatedAt ?? p.createdAt ?? iso(def.createdAt), createdAt: p.createdAt ?? iso(def.createdAt) }),
    name: p.name,
    label: p.label,
    type: p.type,
    fieldType: p.fieldType,
    description: p.description,
    groupName: p.groupName,
    options,
    ...(stamps && !p.hubspotDefined && { createdUserId: '12345678', updatedUserId: '12345678', archived: false }),
    ...(p.name === 'hubspot_owner_id' && { referencedObjectType: 'OWNER' }),
    displayOrder: -1,
    calculated: p.calculated,
    externalOptions: external,
    hasUniqueValue: p.hasUniqueValue,
    hidden: false,
    ...(p.hubspotDefined && { hubspotDefined: true }),
    modificationMetadata: {
      archivable: !p.hubspotDefined,
      readOnlyDefinition: p.hubspotDefined,
      ...(p.hubspotDefined && p.type === 'enumeration' && { readOnlyOptions: p.options.length > 0 }),
      readOnlyValue: p.readOnly,
    },
    formField: !p.readOnly,
    ...(portal.year > 2022 && { dataSensitivity: 'non_sensitive' }),
  }
}

export function renderPipeline(def: TypeDef, p: TypeDef['pipelines'][number]) {
  const at = iso(def.createdAt)
  return {
    label: p.label,
    displayOrder: p.displayOrder,
    id: p.id,
    createdAt: at,
    updatedAt: at,
    archived: false,
    stages: p.stages.map((s) => ({
      label: s.label,
      displayOrder: s.displayOrder,
      metadata: s.metadata,
      id: s.id,
      createdAt: at,
      updatedAt: at,
      archived: false,
      writePermissions: 'CRM_PERMISSIONS_ENFORCEMENT',
    })),
  }
}

export function renderSchema(portal: Portal, def: TypeDef) {
  const at = iso(def.createdAt)
  return {
    labels: def.labels,
    requiredProperties: def.requiredProperties,
    searchableProperties: def.searchableProperties,
    primaryDisplayProperty: def.primaryDisplayProperty,
    secondaryDisplayProperties: def.secondaryDisplayProperties,
    ...(portal.year > 2022 && {
      description: def.custom ? '' : `Any ${def.singular} of the business.`,
      allowsSensitiveProperties: true,
    }),
    archived: false,
    restorable: true,
    metaType: def.custom ? 'PORTAL_SPECIFIC' : 'HUBSPOT',
    id: def.typeId.replace(/^\d-/, ''),
    fullyQualifiedName: `p${portal.id}_${def.name}`,
    createdAt: at,
    updatedAt: at,
    ...(portal.year > 2022 && { createdByUserId: def.custom ? 12345678 : null, updatedByUserId: def.custom ? 12345678 : null }),
    objectTypeId: def.typeId,
    properties: [...def.properties.values()].map((p) => renderProperty(portal, def, p)),
    associations: portal.associations
      .filter((a) => a.from === def.name || a.to === def.name)
      .map((a) => ({
        fromObjectTypeId: portal.find(a.from)?.def.typeId,
        toObjectTypeId: portal.find(a.to)?.def.typeId,
        name: `${a.from}_to_${a.to}`,
        cardinality: 'ONE_TO_MANY',
        inverseCardinality: 'ONE_TO_MANY',
        ...(portal.year > 2022 && {
          hasUserEnforcedMaxToObjectIds: false,
          hasUserEnforcedMaxFromObjectIds: false,
          maxToObjectIds: 50000,
          maxFromObjectIds: 50000,
        }),
        id: String(a.typeId),
        createdAt: null,
        updatedAt: null,
      })),
    name: def.name,
  }
}

export const renderOwner = (o: {
  id: string
  email: string
  firstName: string
  lastName: string
  userId: number
  active: boolean
}) => ({
  id: o.id,
  email: o.email,
  type: 'PERSON',
  firstName: o.firstName,
  lastName: o.lastName,
  userId: o.active ? o.userId : null,
  userIdIncludingInactive: o.userId,
  createdAt: '2024-01-15T10:00:00.000Z',
  updatedAt: '2025-03-01T10:00:00.000Z',
  archived: !o.active,
})
