import type { ObjectDef } from './schema.ts'

/** Fills in the child relationships that reference fields imply. */
export function linkChildren(objects: Map<string, ObjectDef>): void {
  for (const child of objects.values()) {
    for (const f of child.fields.values()) {
      if (
        f.type !== 'reference' ||
        !f.relationshipName ||
        ['CreatedById', 'LastModifiedById', 'OwnerId', 'MasterRecordId'].includes(f.name)
      )
        continue
      for (const parent of f.referenceTo) {
        const plural = child.custom ? child.name.replace(/__c$/, 's__r') : child.labelPlural.replaceAll(' ', '')
        const base = objects.get(parent)?.children
        if (!base) continue
        const special = (
          {
            OpportunityContactRole: 'OpportunityContactRoles',
            OpportunityLineItem: 'OpportunityLineItems',
          } as Record<string, string>
        )[child.name]
        const name = special ?? (child.name === parent ? 'Children' : plural)
        base.set(base.has(name) ? `${name}_${f.name}` : name, { object: child.name, field: f.name })
      }
    }
  }
}
