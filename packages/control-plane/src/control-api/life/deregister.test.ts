import assert from 'node:assert/strict'
import http from 'node:http'
import { describe, it } from 'node:test'
import { createFakeClock } from '@plexd/runtime/testing'
import { openEventReader } from '../../testing/event-reader.ts'
import { startControlPlane } from '../../testing/harness.ts'
import { isError } from '../../testing/is-error.ts'

describe('POST /v1/nodes/{node_id}/deregister', () => {
  it('tells the peers, and frees the hostname at once', async () => {
    await using plane = await startControlPlane()
    const [web, db] = [await plane.enrol('web-01'), await plane.enrol('db-01')]
    await using reader = await openEventReader(plane.url, { token: db.token, nodeId: db.node_id })

    const { status, body } = await web.api.deregister({ params: web })

    assert.deepEqual([status, body], [200, {}])
    const { payload } = await reader.next('peer_removed')
    assert.deepEqual(payload, { peer_id: web.node_id, id: web.node_id })
    assert.deepEqual((await db.api.getState({ params: db })).body.peers, [])
    const again = await plane.enrol('web-01')
    assert.notEqual(again.node_id, web.node_id)
    assert.notEqual(again.mesh_ip, web.mesh_ip)
  })

  it('may be repeated with the same token for a day, and is worth nothing for all else', async () => {
    let nowMs = Date.UTC(2025, 0, 15)
    // Time that leaps: the jobs need not run through a whole day.
    await using plane = await startControlPlane({
      clock: { ...createFakeClock(), now: () => nowMs },
    })
    const web = await plane.enrol('web-01')
    await web.api.deregister({ params: web })

    assert.equal((await web.api.deregister({ params: web })).status, 200)
    await assert.rejects(web.api.heartbeat({ params: web, body: {} }), isError(401, 'unauthorized'))
    await assert.rejects(web.api.getState({ params: web }), isError(401, 'unauthorized'))
    nowMs += 24 * 3_600_000
    await assert.rejects(web.api.deregister({ params: web }), isError(401, 'unauthorized'))
  })

  it('may be repeated after a restart', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web-01')
    await web.api.deregister({ params: web })
    const { loadFleet } = await import('../../rows/fleet/load-fleet.ts')
    const { tokenHash } = await import('../../access/auth.ts')

    const fleet = await loadFleet(plane.app.store.reader, Date.now())

    assert.equal(fleet.departedByTokenHash(tokenHash(web.token))?.node.id, web.node_id)
    assert.equal(fleet.nodeCount(), 0)
  })

  it('takes a body of length 0 without a type, as Go sends it', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web-01')
    const status = await new Promise((resolve, reject) => {
      http
        .request(`${plane.url}/v1/nodes/${web.node_id}/deregister`, {
          method: 'POST',
          agent: false,
          headers: { authorization: `Bearer ${web.node_secret_key}`, 'content-length': '0' },
        })
        .on('response', (response) => {
          response.resume()
          resolve(response.statusCode)
        })
        .on('error', reject)
        .end()
    })
    assert.equal(status, 200)
  })

  it('answers 401, 403 and 404 to the wrong caller', async () => {
    await using plane = await startControlPlane()
    const [a, b] = [await plane.enrol('a'), await plane.enrol('b')]
    const call = (token: string, node_id: string) =>
      plane.clientFor(token).deregister({ params: { node_id } })
    await assert.rejects(call('nobody', a.node_id), isError(401, 'unauthorized'))
    await assert.rejects(call(a.token, b.node_id), isError(403, /another node/))
    await assert.rejects(call(a.token, 'n_nobody'), isError(404, 'unknown node'))
    await a.api.deregister({ params: a })
    await assert.rejects(call(a.token, b.node_id), isError(401, 'unauthorized'))
  })
})
