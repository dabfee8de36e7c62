import { isoTime } from '../time.ts'
import { calculation } from './calculated.ts'
import type { Obj } from './model.ts'
import type { TypeDef } from './schema.ts'

/** How to read a property of a type's records, kept, kept by the system or calculated: decided once, for many records. */
export function reader(year: number, def: TypeDef, name: string): (obj: Obj) => string | null {
  switch (name) {
    case 'hs_object_id':
      return (obj) => obj.id
    case def.modified:
      return (obj) => isoTime(obj.updated)
    case 'createdate':
    case 'hs_createdate':
      return (obj) => obj.properties[name] ?? isoTime(obj.created)
    case 'hs_object_source':
    case 'hs_object_source_label':
      return (obj) => obj.source.type
    case 'hs_object_source_id':
      return (obj) => (obj.source.type === 'CRM_UI' ? `userId:${obj.source.userId}` : obj.source.id)
  }
  const calculated = calculation(year, def, name)
  return calculated ? (obj) => obj.properties[name] ?? calculated(obj) : (obj) => obj.properties[name] ?? null
}
