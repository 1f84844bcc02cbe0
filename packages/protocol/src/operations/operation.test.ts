import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { adminApi } from '../apis/admin-api.ts'
import { controlApi } from '../apis/control-api.ts'
import { localApi } from '../apis/local-api.ts'
import { fillPath, type Operation, paramNames } from './operation.ts'

describe('fillPath', () => {
  it('encodes each parameter into its one part of the path', () => {
    assert.equal(
      fillPath('/v1/nodes/{node_id}/secrets/{key}', { node_id: 'n_1', key: 'db/pass word?#%ü' }),
      '/v1/nodes/n_1/secrets/db%2Fpass%20word%3F%23%25%C3%BC',
    )
  })

  it('names the parameters in order', () => {
    assert.deepEqual(paramNames('/v1/{a}/x/{b_c}'), ['a', 'b_c'])
    assert.deepEqual(paramNames('/v1/x'), [])
  })
})

describe('the tables of operations', () => {
  const tables: [name: string, table: Record<string, Operation>][] = [
    ['control', controlApi],
    ['admin', adminApi],
    ['local', localApi],
  ]
  for (const [name, table] of tables) {
    it(`of the ${name} API have no method and path twice`, () => {
      const lines = Object.values(table).map(({ method, path }) => `${method} ${path}`)

      assert.deepEqual(lines, [...new Set(lines)])
    })

    it(`of the ${name} API expect a body only where the method has one`, () => {
      const odd = Object.entries(table).filter(
        ([, { method, request, requestKind }]) =>
          (method === 'GET' || method === 'DELETE') && (request || requestKind),
      )

      assert.deepEqual(odd, [])
    })
  }
})
