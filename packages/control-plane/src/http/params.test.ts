import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { adminApi, controlApi, type Operation, paramNames } from '@plexd/protocol'
import { startControlPlane, type TestControlPlane } from '../testing/harness.ts'

/** The status and the words of an answer to a path as it stands, encoded. */
async function ask(plane: TestControlPlane, method: string, path: string, token: string) {
  const answer = await fetch(plane.url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    // What is no JSON is refused before.
    ...(['POST', 'PUT', 'PATCH'].includes(method) ? { body: '{}' } : {}),
  })
  const { error } = (await answer.json()) as { error: string } // every failure has it
  return { status: answer.status, error }
}

function pathOf(row: Operation, params: Record<string, string>): string {
  return row.path.replace(/\{(\w+)\}/g, (_, name: string) => params[name] ?? 'x')
}

describe('a parameter in a path', () => {
  it('is refused by every operation when it is too long, percent-encoded or not', async () => {
    await using plane = await startControlPlane()
    const { node_id, token } = await plane.enrol('web')
    const rows: Operation[] = [...Object.values(adminApi), ...Object.values(controlApi)]
    for (const row of rows)
      for (const name of paramNames(row.path).filter((param) => param !== 'node_id'))
        for (const value of ['k'.repeat(600), '%C3%BC'.repeat(600)]) {
          const caller = row.auth === 'node' ? token : plane.adminToken
          const path = pathOf(row, { node_id, node: node_id, [name]: value })

          const { status, error } = await ask(plane, row.method, path, caller)

          assert.equal(status, 400, `${row.method} ${row.path}: ${error}`)
          assert.match(
            error,
            new RegExp(`^${name} ".{64}…": it has 600: want \\d+ characters or fewer$`),
          )
        }
  })

  it('is refused when it is empty', async () => {
    await using plane = await startControlPlane()
    for (const path of ['/admin/v1/data/', '/admin/v1/secrets/', '/admin/v1/policies/']) {
      const answer = await ask(plane, 'DELETE', `${path}?selector=*`, plane.adminToken)

      assert.equal(answer.status, 400)
      assert.match(answer.error, /^\w+ "": it is empty: want 1 character or more$/)
    }
  })

  it('keeps everything else that can be percent-encoded, up to 512 characters', async () => {
    await using plane = await startControlPlane()
    for (const key of ['a/b', '%', '..', 'ü'.repeat(512), '😀'.repeat(512), ' ?#']) {
      const target = { selector: '*' }
      const body = { target, content_type: 'text/plain', payload: 'x' }

      assert.equal((await plane.admin.putData({ params: { key }, body })).body.key, key)
      assert.equal(
        (await plane.admin.putSecret({ params: { key }, body: { target, value: 'x' } })).body.key,
        key,
      )
    }
  })
})
