import { isoTime } from '../time.ts'
import type { Portal } from './portal.ts'
import type { PropertyDef, TypeDef } from './schema.ts'

/** How properties, pipelines, schemas and owners look on the wire. */

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
    ...(stamps && {
      updatedAt: p.updatedAt ?? p.createdAt ?? isoTime(def.createdAt),
      createdAt: p.createdAt ?? isoTime(def.createdAt),
    }),
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
  const at = isoTime(def.createdAt)
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
  const at = isoTime(def.createdAt)
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
