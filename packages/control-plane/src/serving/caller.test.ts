import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { before, describe, it } from 'node:test'
import { openControlPlane } from '../testing/open-control-plane.ts'
import { addOperator } from '../testing/operators.ts'

describe('an operator whose token is revoked while the body of a request comes', () => {
  const plane = openControlPlane()
  const key = `ssh-ed25519 ${'A'.repeat(68)}`

  before(async () => {
    await plane.enrol('web', { capabilities: { sessions: { host_key: key, max_sessions: 10 } } })
  })

  for (const [path, body] of [
    ['/admin/v1/admin-tokens', { name: 'another', role: 'owner' }],
    ['/admin/v1/sessions', { node: 'web', login: 'root', public_key: key, way: 'relay' }],
  ] as const)
    it(`is refused by ${path}`, async () => {
      const { token } = await addOperator(plane, { name: path })
      const asking = request(plane.url + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}` },
      })
      const answered = once(asking, 'response')
      const text = JSON.stringify(body)
      asking.write(text.slice(0, 10))
      const { items } = (await plane.admin.listAdminTokens({})).body
      const token_id = items.find(({ name }) => name === path)?.id ?? ''
      await plane.admin.revokeAdminToken({ params: { token_id } })
      asking.end(text.slice(10))
      const [{ statusCode }] = await answered
      assert.equal(statusCode, 401)
    })
})
