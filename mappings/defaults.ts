import { readdirSync, readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { type MappingDocument, parseMapping } from './mapping.ts'

/** The default mapping documents of a CRM, one per entity, from `defaults/<crm>/*.yaml`. */
export function defaultMappings(crm: MappingDocument['crm']): MappingDocument[] {
  const folder = new URL(`./defaults/${crm}/`, import.meta.url)
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => parseMapping(parse(readFileSync(new URL(name, folder), 'utf8'))))
}
