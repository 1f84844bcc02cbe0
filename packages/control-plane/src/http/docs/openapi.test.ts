import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { adminApi, controlApi } from '@plexd/protocol'
import { Type } from 'typebox'
import { docsPage } from './docs-page.ts'
import { openApiDocument } from './openapi.ts'

const Label = Type.Object({ key: Type.String(), value: Type.String() })
const Thing = Type.Object({ id: Type.String(), labels: Type.Array(Label) })

describe('openApiDocument', () => {
  const document = openApiDocument({
    url: 'https://cp.example.com:8443',
    version: '1.2.3',
    schemas: { Label, Thing, Unused: Type.Object({ never: Type.Null() }) },
    apis: [
      {
        name: 'Things',
        description: 'All about <things>',
        operations: {
          putThing: {
            method: 'PUT',
            path: '/v1/things/{key}',
            auth: 'operator',
            permission: 'nodes.write',
            scope: 'tenant',
            summary: 'Put a `thing`',
            query: Type.Object({ dry: Type.Optional(Type.String()) }),
            request: Thing,
            response: Type.Object({ label: Type.Optional(Label) }),
            status: 201,
            errors: [401, 409],
          },
        },
      },
    ],
  })
  const put = document.paths['/v1/things/{key}']?.put

  it('refers to named schemas, also inside others, and leaves out those unused', () => {
    assert.deepEqual(put?.requestBody?.content, {
      'application/json': { schema: { $ref: '#/components/schemas/Thing' } },
    })
    assert.deepEqual(Object.keys(document.components.schemas), ['Label', 'Thing'])
    assert.match(JSON.stringify(put?.responses['201']), /schemas\/Label/)
    assert.match(JSON.stringify(document.components.schemas.Thing), /schemas\/Label/)
  })

  it('lists parameters, who may call and every status', () => {
    assert.deepEqual(
      put?.parameters.map(({ name, in: place, required }) => [name, place, required]),
      [
        ['key', 'path', true],
        ['dry', 'query', false],
      ],
    )
    assert.deepEqual(put?.security, [{ admin_token: ['nodes.write'] }])
    assert.deepEqual(Object.keys(put?.responses ?? {}), [
      '201',
      '400',
      '401',
      '409',
      '413',
      '415',
      '503',
    ])
  })

  it('covers both tables, every name once', () => {
    const whole = openApiDocument({
      url: 'https://cp.example.com:8443',
      version: '0',
      schemas: {},
      apis: [
        { name: 'control', description: '', operations: controlApi },
        { name: 'admin', description: '', operations: adminApi },
      ],
    })
    const ids = Object.values(whole.paths)
      .flatMap((methods) => Object.values(methods))
      .map(({ operationId }) => operationId)
    assert.deepEqual(ids.sort(), [...Object.keys(controlApi), ...Object.keys(adminApi)].sort())
    assert.equal(new Set(ids).size, ids.length)
    const state = whole.paths['/v1/nodes/{node_id}/state']?.get?.responses['200']
    assert.match(JSON.stringify(state), /"application\/json":\{"schema":\{"type":"object"/)
  })

  it('becomes a page that loads nothing and runs nothing', () => {
    const page = docsPage(document)
    assert.match(page, /<code>\/v1\/things\/\{key\}<\/code> Put a <code>thing<\/code>/)
    assert.match(page, /All about &lt;things&gt;/)
    assert.match(page, /<a href="#schema-Label">Label<\/a>/)
    assert.doesNotMatch(page, /<script|<link|src=|url\(|https?:/)
  })
})
