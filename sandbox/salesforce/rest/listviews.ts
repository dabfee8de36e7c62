import { SalesforceError } from '../errors.ts'
import { makeId, normaliseId } from '../ids.ts'
import type { Org } from '../org.ts'
import type { FieldDef, ObjectDef } from '../schema.ts'
import { type Answer, ok, type Request, type Route } from './route.ts'

/** `/sobjects/X/listviews`: every object has the two views that its tab begins with, all rows and the user's own. */

export const routes: Route[] = [
  [
    'GET',
    /^\/sobjects\/(\w+)\/listviews$/,
    (org, r, name) => {
      const { def } = org.table(name!)
      const base = `/services/data/v${r.version}/sobjects/${def.name}/listviews`
      const listviews = viewsOf(org, def).map(({ id, label, developerName }) => ({
        describeUrl: `${base}/${id}/describe`,
        developerName,
        id,
        label,
        resultsUrl: `${base}/${id}/results`,
        soqlCompatible: true,
        url: `${base}/${id}`,
      }))
      return ok({ done: true, listviews, nextRecordsUrl: null, size: listviews.length, sobjectType: def.name })
    },
  ],
  ['GET', /^\/sobjects\/(\w+)\/listviews\/(\w+)\/results$/, results],
]

interface View {
  id: string
  label: string
  developerName: string
  mine: boolean
}

const PAGE = 25

function viewsOf(org: Org, def: ObjectDef): View[] {
  const number = [...org.tables.keys()].indexOf(def.name) * 2
  const plural = def.labelPlural.replaceAll(' ', '')
  return [
    { id: makeId('00B', number + 1), label: `All ${def.labelPlural}`, developerName: `All${plural}`, mine: false },
    { id: makeId('00B', number + 2), label: `My ${def.labelPlural}`, developerName: `My${plural}`, mine: true },
  ]
}

/** A view's rows, by name, with the columns that the tab shows. */
function results(org: Org, r: Request, name?: string, id?: string): Answer {
  const { def, rows } = org.table(name!)
  const view = viewsOf(org, def).find((v) => v.id === normaliseId(id))
  if (!view) throw new SalesforceError('NOT_FOUND', 'The requested resource does not exist', { status: 404 })
  const columns = ['Name', 'Phone', 'Type', 'CreatedDate', 'LastModifiedDate', 'Id'].flatMap((n) => def.fields.get(n) ?? [])
  const from = Number(r.query.get('offset') ?? 0)
  const records = [...rows.values()]
    .filter((row) => !row.deleted && (!view.mine || row.values.OwnerId === r.session.user))
    .sort((a, b) => String(a.values.Name).localeCompare(String(b.values.Name)))
    .slice(from, from + Number(r.query.get('limit') ?? PAGE))
    .map((row) => ({ columns: columns.map((f) => ({ fieldNameOrPath: f.name, value: org.value(def, row, f.name) })) }))
  return ok({
    columns: columns.map(column),
    developerName: view.developerName,
    done: true,
    id: view.id,
    label: view.label,
    records,
    size: records.length,
  })
}

/** How a column is shown and sorted: by the name, rising. The id is there for programs. */
const column = (f: FieldDef) => ({
  ascendingLabel: f.type === 'datetime' ? 'New to Old' : 'Z-A',
  descendingLabel: f.type === 'datetime' ? 'Old to New' : 'A-Z',
  fieldNameOrPath: f.name,
  hidden: f.type === 'id',
  label: f.label,
  selectListItem: f.name,
  sortDirection: f.nameField ? 'ascending' : null,
  sortIndex: f.nameField ? 0 : null,
  sortable: f.type !== 'id',
  type: f.type,
})
