/** Which keys of describes an API version knows. */

/**
 * API versions since which a key is there: the first after the newest recording that lacks it (23, 42 and 59 are
 * recorded). Older clients never see newer keys.
 */
const SINCE: Record<string, number> = {
  ...since(24, 'mruEnabled compactLayoutable namedLayoutInfos networkScopeFieldName supportedScopes sobjectDescribeOption'),
  ...since(
    24,
    'actionOverrides hasSubtypes isSubtype aggregatable cascadeDelete compoundFieldName displayLocationInDecimal encrypted',
  ),
  ...since(
    24,
    'extraTypeInfo filteredLookupInfo highScaleNumber mask maskType permissionable polymorphicForeignKey queryByDistance',
  ),
  ...since(24, 'referenceTargetField restrictedDelete searchPrefilterable junctionIdListNames junctionReferenceTo'),
  ...since(24, 'compactLayouts approvalLayouts listviews quickActions layouts layout'),
  ...since(43, 'aiPredictionField formulaTreatNullNumberAsZero developerName associateEntityType associateParentEntity'),
  ...since(43, 'deepCloneable defaultImplementation extendedBy extendsInterfaces implementedBy implementsInterfaces isInterface'),
  ...since(60, 'defaultValues'),
}
function since(version: number, keys: string): Record<string, number> {
  return Object.fromEntries(keys.split(' ').map((key) => [key, version]))
}

/** A describe as a version shows it: without the keys that came later. */
export function asOf(version: string, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((v) => asOf(version, v))
  if (typeof value !== 'object' || value === null) return value
  const known = Object.entries(value).filter(([key]) => (SINCE[key] ?? 0) <= Number(version))
  return Object.fromEntries(
    known
      .map(([key, v]) => [key, asOf(version, v)] as const)
      .filter(([key, v]) => key !== 'urls' || Object.keys(v as object).length > 0),
  )
}
