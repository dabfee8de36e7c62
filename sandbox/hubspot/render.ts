import type { Obj } from './model.ts'
import type { Portal } from './portal.ts'
import type { PropertyDef, TypeDef } from './schema.ts'

/** How records, properties, pipelines and owners look on the wire. */

export const iso = (ms: number): string => new Date(ms).toISOString()

/** Properties that come even when none are asked for. */
const DEFAULTS: Record<string, string[]> = {
  contacts: ['createdate', 'email', 'firstname', 'hs_object_id', 'lastmodifieddate', 'lastname'],
  companies: ['createdate', 'domain', 'hs_lastmodifieddate', 'hs_object_id', 'name'],
  deals: ['amount', 'closedate', 'createdate', 'dealname', 'dealstage', 'hs_lastmodifieddate', 'hs_object_id', 'pipeline'],
}
const defaults = (def: TypeDef) => DEFAULTS[def.name] ?? ['hs_createdate', 'hs_lastmodifieddate', 'hs_object_id']
/** Properties that come besides those asked for. */
const always = (def: TypeDef) => [def.properties.has('createdate') ? 'createdate' : 'hs_createdate', def.modified, 'hs_object_id']

export interface RenderOptions {
  properties?: string[] | undefined
  history?: string[] | undefined
  /** Everything that is set: what create, update and merge answer with. */
  all?: boolean
  url?: boolean
}

export function renderObject(
  portal: Portal,
  def: TypeDef,
  obj: Obj,
  { properties, history, all, url = true }: RenderOptions = {},
) {
  const names = all
    ? [
        ...new Set([
          ...Object.keys(obj.properties).filter((n) => obj.properties[n] !== null),
          ...always(def),
          'hs_object_source',
          'hs_object_source_id',
          'hs_object_source_label',
        ]),
      ]
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
  if (url) body.url = `https://app.hubspot.com/contacts/${portal.id}/record/${def.typeId}/${obj.id}`
  return body
}

export function renderProperty(portal: Portal, def: TypeDef, p: PropertyDef) {
  const options =
    p.name === 'hubspot_owner_id'
      ? []
      : p.name === 'pipeline' || p.name === 'hs_pipeline'
        ? def.pipelines.map((x) => ({
            label: x.label,
            value: x.id,
            displayOrder: x.displayOrder,
            hidden: false,
          }))
        : p.name === 'dealstage' || p.name === 'hs_pipeline_stage'
          ? def.pipelines.flatMap((x) =>
              x.stages.map((s) => ({
                label: s.label,
                value: s.id,
                displayOrder: s.displayOrder,
                hidden: false,
              })),
            )
          : p.name === 'deal_currency_code'
            ? portal.currencies.map((c, i) => ({ label: c, value: c, displayOrder: i, hidden: false }))
            : p.options
  return {
    ...(p.createdAt && { updatedAt: p.updatedAt ?? p.createdAt, createdAt: p.createdAt }),
    name: p.name,
    label: p.label,
    type: p.type,
    fieldType: p.fieldType,
    description: p.description,
    groupName: p.groupName,
    options,
    ...(p.name === 'hubspot_owner_id' && { externalOptions: true, referencedObjectType: 'OWNER' }),
    displayOrder: -1,
    calculated: p.calculated,
    externalOptions: p.name === 'hubspot_owner_id',
    hasUniqueValue: p.hasUniqueValue,
    hidden: false,
    ...(p.hubspotDefined && { hubspotDefined: true }),
    modificationMetadata: {
      archivable: !p.hubspotDefined,
      readOnlyDefinition: p.hubspotDefined,
      ...(p.hubspotDefined ? { readOnlyOptions: true } : {}),
      readOnlyValue: p.readOnly,
    },
    formField: !p.readOnly,
    dataSensitivity: 'non_sensitive',
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
    archived: false,
    restorable: true,
    metaType: def.custom ? 'PORTAL_SPECIFIC' : 'HUBSPOT',
    id: def.typeId.replace(/^\d-/, ''),
    fullyQualifiedName: `p${portal.id}_${def.name}`,
    createdAt: at,
    updatedAt: at,
    createdByUserId: 12345678,
    updatedByUserId: 12345678,
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
        hasUserEnforcedMaxToObjectIds: false,
        hasUserEnforcedMaxFromObjectIds: false,
        maxToObjectIds: 50000,
        maxFromObjectIds: 50000,
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
  teams: [],
})
