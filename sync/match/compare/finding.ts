/** What is compared. Fields that err together are one comparison. */
export const COMPARISONS = [
  'name',
  'legalForm',
  'address',
  'street',
  'area',
  'phone',
  'domain',
  'mailbox',
  'email',
  'contact',
  'fullName',
  'given',
  'family',
  'born',
  'district',
  'region',
  'people',
  'year',
  'category',
  'price',
  'identifier',
] as const
export type Comparison = (typeof COMPARISONS)[number]

/** How two records compare in one respect. A respect to which one of them says nothing has no finding. */
export interface Finding {
  level: string
  /** How rare it is what both share (log2 of one in how many things); 0 where nothing is. */
  bits: number
}

export interface Found extends Finding {
  comparison: Comparison
}
