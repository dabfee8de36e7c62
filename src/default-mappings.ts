import { readdirSync, readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { type MappingDocument, parseMapping } from '../mappings/mapping.ts'

/** The default mapping documents of a CRM, one per entity, from `mappings/defaults/<crm>/*.yaml`. */
export function defaultMappings(crm: MappingDocument['crm']): MappingDocument[] {
  const folder = new URL(`../mappings/defaults/${crm}/`, import.meta.url)
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => parseMapping(parse(readFileSync(new URL(name, folder), 'utf8'))))
}
