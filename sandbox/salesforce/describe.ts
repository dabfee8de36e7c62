import { asOf } from './describe-versions.ts'
import type { Org } from './org.ts'
import type { FieldDef, ObjectDef } from './schema.ts'

/** Describe answers, with every key of the real ones: clients and admins look at many of them. */

const SOAP: Record<string, string> = {
  id: 'tns:ID',
  reference: 'tns:ID',
  boolean: 'xsd:boolean',
  currency: 'xsd:double',
  double: 'xsd:double',
  percent: 'xsd:double',
  int: 'xsd:int',
  date: 'xsd:date',
  datetime: 'xsd:dateTime',
  address: 'urn:address',
}

/** When the org's schema last changed, and its tag: what a describe is cached by. */
export function describeHeaders(org: Org): Record<string, string> {
  const fields = [...org.tables.values()].reduce((n, t) => n * 31 + t.def.fields.size, 7) % 0xffffffff
  return {
    ETag: `"${Math.abs(fields).toString(16).padStart(8, '0')}"`,
    'Last-Modified': new Date(org.schemaChanged).toUTCString(),
  }
}

const isText = (f: FieldDef) => ['string', 'textarea', 'picklist', 'multipicklist', 'email', 'phone', 'url'].includes(f.type)

function describeField(f: FieldDef) {
  return {
    aggregatable: f.type !== 'textarea' && f.type !== 'address',
    aiPredictionField: false,
    autoNumber: false,
    byteLength: f.length * (isText(f) ? 3 : 1),
    calculated: f.calculated,
    calculatedFormula: null,
    cascadeDelete: false,
    caseSensitive: false,
    compoundFieldName:
      /^(Billing|Shipping|Mailing|Other)(Street|City|State|PostalCode|Country|Latitude|Longitude|GeocodeAccuracy)$/.test(f.name)
        ? f.name.replace(/(Street|City|State|PostalCode|Country|Latitude|Longitude|GeocodeAccuracy)$/, 'Address')
        : null,
    controllerName: null,
    createable: f.createable,
    custom: f.name.endsWith('__c'),
    defaultValue: f.type === 'boolean' ? (f.defaultValue ?? false) : null,
    defaultValueFormula: null,
    defaultedOnCreate:
      f.type === 'boolean' ||
      f.name === 'OwnerId' ||
      f.defaultValue !== null ||
      ['Id', 'CreatedDate', 'SystemModstamp'].includes(f.name),
    dependentPicklist: false,
    deprecatedAndHidden: false,
    digits: f.type === 'int' ? f.precision : 0,
    displayLocationInDecimal: false,
    encrypted: false,
    externalId: f.externalId,
    extraTypeInfo: f.type === 'textarea' ? 'plaintextarea' : f.name === 'Name' && !f.createable ? 'personname' : null,
    filterable: f.length <= 4000 && f.type !== 'address',
    filteredLookupInfo: null,
    formulaTreatNullNumberAsZero: false,
    groupable: !['textarea', 'datetime', 'currency', 'double', 'percent', 'address'].includes(f.type),
    highScaleNumber: false,
    htmlFormatted: false,
    idLookup: f.externalId || f.type === 'id' || f.type === 'email' || f.nameField,
    inlineHelpText: null,
    label: f.label,
    length: f.length,
    mask: null,
    maskType: null,
    name: f.name,
    nameField: f.nameField,
    namePointing: f.referenceTo.length > 1,
    nillable: f.nillable && f.type !== 'id',
    permissionable: f.createable && !f.required,
    picklistValues: f.values.map((value) => ({
      active: true,
      defaultValue: f.defaultValue === value,
      label: value,
      validFor: null,
      value,
    })),
    polymorphicForeignKey: f.referenceTo.length > 1,
    precision: f.type === 'int' ? 0 : f.precision,
    queryByDistance: false,
    referenceTargetField: null,
    referenceTo: f.referenceTo,
    relationshipName: f.relationshipName,
    relationshipOrder: null,
    restrictedDelete: false,
    restrictedPicklist: f.restricted,
    scale: f.scale,
    searchPrefilterable: f.type === 'reference',
    soapType: SOAP[f.type] ?? 'xsd:string',
    sortable: f.type !== 'textarea' && f.type !== 'address',
    type: f.type,
    unique: f.unique,
    updateable: f.updateable,
    writeRequiresMasterRead: false,
  }
}

/** Files and notes can hang on every object. */
const UNIVERSAL: [string, Child][] = [
  ['AttachedContentDocuments', { object: 'AttachedContentDocument', field: 'LinkedEntityId', cascade: true }],
  ['CombinedAttachments', { object: 'CombinedAttachment', field: 'ParentId', cascade: true }],
  ['ContentDocumentLinks', { object: 'ContentDocumentLink', field: 'LinkedEntityId', cascade: true }],
]

interface Child {
  object: string
  field: string
  cascade?: boolean
}
const children = (def: ObjectDef): [string, Child][] => [...def.children, ...UNIVERSAL]

/** Objects that cannot have record types, and resources that some objects do not have. */
const NO_RECORD_TYPES = new Set([
  'Topic',

  'EventRelation',
  'OpportunityContactRole',
  'Organization',
  'PermissionSet',
])
const UNKNOWN_URLS: Record<string, string[]> = {
  Topic: ['approvalLayouts', 'listviews', 'quickActions'],
  Event: ['approvalLayouts', 'listviews'],
  OpportunityContactRole: ['approvalLayouts', 'listviews'],
  Organization: ['compactLayouts', 'approvalLayouts', 'listviews', 'quickActions', 'layouts'],
}
const without = (names: string[], urls: Record<string, string>) =>
  Object.fromEntries(Object.entries(urls).filter(([name]) => !names.includes(name)))

/** The entry of an object in `/sobjects`: the describe without its lists. */
export function describeGlobalEntry(def: ObjectDef, version: string): unknown {
  return asOf(version, entryOf(def, version))
}

function entryOf(def: ObjectDef, version: string) {
  const base = `/services/data/v${version}/sobjects/${def.name}`
  const person = !['User', 'RecordType', 'Organization', 'PartnerRole'].includes(def.name)
  return {
    activateable: false,
    associateEntityType: null,
    associateParentEntity: null,
    createable: person,
    custom: def.custom,
    customSetting: false,
    deepCloneable: false,
    deletable: person,
    deprecatedAndHidden: false,
    feedEnabled: ['Account', 'Contact', 'Opportunity', 'Lead'].includes(def.name),
    hasSubtypes: false,
    isInterface: false,
    isSubtype: false,
    keyPrefix: def.prefix,
    label: def.label,
    labelPlural: def.labelPlural,
    layoutable: true,
    mergeable: ['Account', 'Contact', 'Lead'].includes(def.name),
    mruEnabled: true,
    name: def.name,
    queryable: true,
    replicateable: true,
    retrieveable: true,
    searchable: true,
    triggerable: true,
    undeletable: person,
    updateable: person,
    urls: without(UNKNOWN_URLS[def.name] ?? [], {
      compactLayouts: `${base}/describe/compactLayouts`,
      rowTemplate: `${base}/{ID}`,
      approvalLayouts: `${base}/describe/approvalLayouts`,
      listviews: `${base}/listviews`,
      describe: `${base}/describe`,
      quickActions: `${base}/quickActions`,
      layouts: `${base}/describe/layouts`,
      sobject: base,
    }),
  }
}

export function describe(org: Org, def: ObjectDef, version: string): unknown {
  return asOf(version, full(org, def, version))
}

function full(org: Org, def: ObjectDef, version: string) {
  const { urls, ...entry } = entryOf(def, version)
  const types = [...(org.tables.get('RecordType')?.rows.values() ?? [])].filter(
    (r) => r.values.SobjectType === def.name && !r.deleted,
  )
  const master = {
    active: true,
    available: true,
    defaultRecordTypeMapping: types.length === 0,
    developerName: 'Master',
    master: true,
    name: 'Master',
    recordTypeId: '012000000000000AAA',
  }
  return {
    actionOverrides: [],
    ...entry,
    childRelationships: children(def).map(([relationshipName, c]) => ({
      cascadeDelete: c.cascade ?? false,
      childSObject: c.object,
      deprecatedAndHidden: false,
      field: c.field,
      junctionIdListNames: c.field === 'EventId' ? ['EventWhoIds'] : [],
      junctionReferenceTo: c.field === 'EventId' ? ['Contact', 'Lead'] : [],
      relationshipName,
      restrictedDelete: false,
    })),
    compactLayoutable: true,
    defaultImplementation: null,
    extendedBy: null,
    extendsInterfaces: null,
    fields: [...def.fields.values()].map(describeField),
    implementedBy: null,
    implementsInterfaces: null,
    listviewable: null,
    lookupLayoutable: null,
    namedLayoutInfos: [],
    networkScopeFieldName: null,
    recordTypeInfos: NO_RECORD_TYPES.has(def.name)
      ? []
      : [
          ...types.map((r, i) => ({
            active: true,
            available: true,
            defaultRecordTypeMapping: i === 0,
            developerName: r.values.DeveloperName,
            master: false,
            name: r.values.Name,
            recordTypeId: r.id,
            urls: { layout: `/services/data/v${version}/sobjects/${def.name}/describe/layouts/${r.id}` },
          })),
          {
            ...master,
            urls: {
              layout: `/services/data/v${version}/sobjects/${def.name}/describe/layouts/012000000000000AAA`,
            },
          },
        ],
    searchLayoutable: true,
    sobjectDescribeOption: 'FULL',
    supportedScopes: [
      { label: `All ${def.labelPlural.toLowerCase()}`, name: 'everything' },
      { label: `My ${def.labelPlural.toLowerCase()}`, name: 'mine' },
    ],
    urls:
      def.name === 'Organization'
        ? urls
        : {
            ...urls,
            ...(def.name === 'Event' && {
              eventSeriesUpdates: `/services/data/v${version}/sobjects/Event/{ID}/fromThisEventOnwards`,
            }),
            uiEditTemplate: `/{ID}/e`,
            defaultValues: `/services/data/v${version}/sobjects/${def.name}/defaultValues?recordTypeId&fields`,
            uiDetailTemplate: `/{ID}`,
            uiNewRecord: `/${def.prefix}/e`,
          },
  }
}
