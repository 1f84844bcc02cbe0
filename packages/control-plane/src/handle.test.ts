import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { adminApi, controlApi } from '@plexd/protocol'
import { handle } from './handle.ts'
import { opsApi } from './ops-api/table.ts'
import { startControlPlane } from './testing/harness.ts'

describe('handle', () => {
  it('takes of a handler what the kind of its row says, which the compiler asks for', () => {
    handle(adminApi.getData, async () => '{}')
    handle(opsApi.metrics, async () => 'plexd_nodes 1\n')
    handle(controlApi.openEvents, async () => undefined)
    handle(controlApi.heartbeat, async () => ({ reconcile: false }))

    // @ts-expect-error JSON text is what the handler has written, not what it is about
    handle(adminApi.listReports, async () => ({ items: [], next: null }))
    // @ts-expect-error a value is for the server to write
    handle(controlApi.heartbeat, async () => '{"reconcile":false}')
    // @ts-expect-error a stream has taken the connection over
    handle(controlApi.openEvents, async () => 'data: {}\n\n')
  })

  it('sends JSON text as it was written, and as JSON', async () => {
    await using plane = await startControlPlane()
    const payload = '{"n":1.00,"m":12345678901234567890}'
    const authorization = `Bearer ${plane.adminToken}`
    const put = await fetch(`${plane.url}/admin/v1/data/k`, {
      method: 'PUT',
      headers: { authorization, 'content-type': 'application/json' },
      body: `{"target":{"selector":"*"},"content_type":"application/json","payload":${payload}}`,
    })
    const got = await fetch(`${plane.url}/admin/v1/data/k`, { headers: { authorization } })

    for (const answer of [put, got]) {
      assert.equal(answer.status, 200)
      assert.equal(answer.headers.get('content-type'), 'application/json; charset=utf-8')
      assert.ok((await answer.text()).includes(`"payload":${payload}`))
    }
  })
})
