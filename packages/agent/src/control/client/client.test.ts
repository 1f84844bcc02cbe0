import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { defaultConfig } from '../../config/agent-config.ts'
import { startFakeControlPlane } from '../../testing/fake-control-plane.ts'
import { openControlClient, userAgent } from './client.ts'

describe('openControlClient', () => {
  it('compresses bodies longer than 1,024 bytes', async () => {
    await using plane = await startFakeControlPlane()
    using connection = openControlClient(configFor(plane.url), {
      credentials: { bearer: () => plane.nodeToken },
    })
    const params = { node_id: 'n_test' }
    const report = (deleted: string[]) =>
      connection.client.syncReports({ params, body: { deleted } })
    await report(['a'])
    await report(Array.from({ length: 200 }, (_, number) => `key-${number}`))

    const [small, large] = plane.sent('/report')
    assert.equal(small?.headers['content-encoding'], undefined)
    assert.equal(large?.headers['content-encoding'], 'gzip')
    assert.equal(Object(large?.body).deleted.length, 200)
    assert.equal(large?.headers['user-agent'], userAgent)
  })

  it('asks for the token with each call, so that a rotated one takes effect', async () => {
    await using plane = await startFakeControlPlane()
    let token = 'old'
    using connection = openControlClient(configFor(plane.url), {
      credentials: { bearer: () => token },
    })
    const getState = () => connection.client.getState({ params: { node_id: 'n_test' } })
    await assert.rejects(getState(), /unauthorized/)
    token = plane.nodeToken
    assert.equal((await getState()).status, 200)
  })

  it('makes a call again when the token is replaced while it is under way, and only then', async () => {
    await using plane = await startFakeControlPlane()
    let token = 'old'
    using connection = openControlClient(configFor(plane.url), {
      credentials: { bearer: () => token },
    })
    const report = () =>
      connection.client.syncReports({ params: { node_id: 'n_test' }, body: { deleted: ['a'] } })
    await assert.rejects(report(), /unauthorized/)
    assert.equal(plane.sent('/report').length, 1)

    plane.override = () => {
      token = plane.nodeToken
      return undefined
    }
    assert.equal((await report()).status, 200)
    assert.deepEqual(
      plane.sent('/report').map(({ body }) => body),
      [{ deleted: ['a'] }, { deleted: ['a'] }, { deleted: ['a'] }],
    )
  })
})

function configFor(apiUrl: string) {
  const { limits } = defaultConfig
  return { apiUrl, caFile: undefined, proxyUrl: undefined, requestTimeoutMs: 5_000, limits }
}
