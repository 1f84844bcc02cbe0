import type { Json, OpenApiDocument, OpenApiOperation } from './openapi.ts'

/** One HTML page of the document, without scripts or external resources, so that it works wherever the server runs. */
export function docsPage(document: OpenApiDocument): string {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )
  const sections = document.tags.map(({ name, description }) => {
    const own = operations.filter(({ operation }) => operation.tags.includes(name))
    return `<h2>${escapeText(name)}</h2><p>${escapeText(description)}</p>${own.map(operationHtml).join('')}`
  })
  const schemas = Object.entries(document.components.schemas).map(
    ([name, schema]) =>
      `<details id="schema-${escapeText(name)}"><summary><code>${escapeText(name)}</code></summary>${schemaHtml(schema)}</details>`,
  )
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeText(document.info.title)}</title>
<style>${style}</style>
</head>
<body>
<h1>${escapeText(document.info.title)} <small>${escapeText(document.info.version)}</small></h1>
<p>The same as a document for programs: <a href="/openapi.json">/openapi.json</a>.</p>
${sections.join('\n')}
<h2>Schemas</h2>
${schemas.join('\n')}
</body>
</html>
`
}

interface Placed {
  path: string
  method: string
  operation: OpenApiOperation
}

function operationHtml({ path, method, operation }: Placed): string {
  const { operationId, summary, parameters, requestBody, responses } = operation
  const rows = parameters.map(
    ({ name, in: place, required, schema }) =>
      `<tr><td><code>${escapeText(name)}</code></td><td>${place}${required ? '' : ', optional'}</td><td>${schemaHtml(schema)}</td></tr>`,
  )
  return `<details id="${escapeText(operationId)}">
<summary><b class="${method}">${method.toUpperCase()}</b> <code>${escapeText(path)}</code> ${markup(summary)}</summary>
<p>${escapeText(securityWords(operation))}</p>
${rows.length > 0 ? `<table>${rows.join('')}</table>` : ''}
${requestBody ? `<h3>Request</h3>${contentHtml(requestBody.content)}` : ''}
<h3>Answers</h3><table>${Object.entries(responses).map(responseHtml).join('')}</table>
</details>`
}

function securityWords({ security }: OpenApiOperation): string {
  const [scheme] = security
  if (!scheme) return 'Without authentication.'
  return 'node_token' in scheme
    ? "With the node's token."
    : `With an admin token, role ${String(scheme.admin_token)}.`
}

function responseHtml([status, response]: [string, Json]): string {
  const { $ref, description, content } = response as {
    $ref?: string
    description?: string
    content?: Record<string, { schema: Json }>
  } // as openapi.ts writes them
  const text =
    $ref === undefined ? escapeText(description ?? '') : escapeText($ref.split('/').at(-1) ?? '')
  return `<tr><td>${status}</td><td>${text}</td><td>${content ? contentHtml(content) : ''}</td></tr>`
}

function contentHtml(content: Record<string, { schema: Json }>): string {
  return Object.entries(content)
    .map(([type, { schema }]) => `<p>${escapeText(type)}</p>${schemaHtml(schema)}`)
    .join('')
}

/** The schema as JSON, with references as links. */
function schemaHtml(schema: Json): string {
  if (Object.keys(schema).length === 0) return ''
  const text = escapeText(JSON.stringify(schema, null, 2))
  const linked = text.replace(
    /&quot;\$ref&quot;: &quot;#\/components\/schemas\/(\w+)&quot;/g,
    '<a href="#schema-$1">$1</a>',
  )
  return `<pre>${linked}</pre>`
}

/** Summaries have code in backquotes. */
function markup(text: string): string {
  return escapeText(text).replace(/`([^`]*)`/g, '<code>$1</code>')
}

function escapeText(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  return text.replace(/[&<>"]/g, (char) => entities[char] ?? char)
}

const style = `
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
details { border-top: 1px solid #8884; padding: .4rem 0; }
summary { cursor: pointer; }
summary b { display: inline-block; width: 4.5rem; }
.get { color: #18794e; } .post, .put, .patch { color: #b35309; } .delete { color: #c4302b; }
pre { overflow: auto; background: #8881; padding: .5rem; font-size: 13px; }
table { border-collapse: collapse; } td { vertical-align: top; padding: .2rem .8rem .2rem 0; }
`
