import * as protocol from '@plexd/protocol'
import { adminApi, controlApi } from '@plexd/protocol'
import type { TSchema } from 'typebox'
import { type OpenApiDocument, openApiDocument } from '../http/docs/openapi.ts'
import { version } from '../version.ts'
import { opsApi } from './table.ts'

/** The OpenAPI document of everything this server answers. */
export function apiDocument(url: string): OpenApiDocument {
  return openApiDocument({
    version,
    url,
    apis: [
      { name: 'control', description: 'Nodes to the control plane.', operations: controlApi },
      { name: 'admin', description: 'Operators to the control plane.', operations: adminApi },
      { name: 'operations', description: 'Monitoring and documentation.', operations: opsApi },
    ],
    schemas: namedSchemas(),
  })
}

/** The protocol's nouns: its exports with a capital letter that are schemas. */
function namedSchemas(): Record<string, TSchema> {
  const exported = Object.entries<unknown>(protocol)
  return Object.fromEntries(
    exported.filter(
      (pair): pair is [string, TSchema] => /^[A-Z]/.test(pair[0]) && isSchema(pair[1]),
    ),
  )
}

function isSchema(value: unknown): boolean {
  return typeof value === 'object' && value !== null && '~kind' in value
}
