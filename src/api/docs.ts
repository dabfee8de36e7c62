import { html, raw } from 'hono/html'

interface Operation {
  summary?: string
  parameters?: { name: string; in: string; required?: boolean }[]
  responses?: Record<string, { description?: string }>
}
interface Document {
  info: { title: string; version: string; description?: string }
  paths?: Record<string, Record<string, Operation>>
}

/** A plain page over the OpenAPI document: no scripts, nothing fetched from elsewhere. */
export function docsPage(document: Document) {
  const operations = Object.entries(document.paths ?? {}).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, o]) => ({ path, method: method.toUpperCase(), o })),
  )
  return html`<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${document.info.title} API</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}code{background:#f2f2f2;padding:.1rem .3rem;border-radius:.2rem}td,th{text-align:left;padding:.3rem .8rem .3rem 0;vertical-align:top;border-bottom:1px solid #ddd}</style></head>
<body><h1>${document.info.title} API ${document.info.version}</h1><p>${document.info.description ?? ''}</p>
<p>Every call but this page, <code>/healthz</code> and <code>/readyz</code> carries <code>Authorization: Bearer TOKEN</code>. The machine-readable form is <a href="/api/v1/openapi.json">openapi.json</a>.</p>
<table><tr><th>Call</th><th>What it does</th><th>Parameters</th><th>Answers</th></tr>
${raw(
  operations
    .map(
      ({ path, method, o }) =>
        html`<tr><td><code>${method} ${path}</code></td><td>${o.summary ?? ''}</td><td>${(o.parameters ?? []).map((p) => p.name).join(', ')}</td><td>${Object.entries(
          o.responses ?? {},
        )
          .map(([code, r]) => `${code} ${r.description ?? ''}`)
          .join('; ')}</td></tr>`,
    )
    .join(''),
)}
</table></body></html>`
}
