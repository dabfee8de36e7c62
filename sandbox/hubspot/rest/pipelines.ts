import { HubspotError } from '../errors.ts'
import { renderPipeline } from '../render.ts'
import { at, ok, type Route } from './route.ts'

/** `/crm/v3/pipelines/{type}`. */

export const routes: Route[] = [
  [
    'GET',
    at('/crm/v3/pipelines/([^/]+)'),
    (p, _, type) => {
      const def = p.table(type!).def
      return ok({ results: def.pipelines.map((x) => renderPipeline(def, x)) })
    },
  ],
  [
    'GET',
    at('/crm/v3/pipelines/([^/]+)/([^/]+)'),
    (p, _, type, id) => {
      const def = p.table(type!).def
      const x = def.pipelines.find((y) => y.id === id)
      if (!x) throw new HubspotError(404, 'OBJECT_NOT_FOUND', `Pipeline ${id} does not exist`)
      return ok(renderPipeline(def, x))
    },
  ],
]
