import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { freePort, until } from '@plexd/runtime/testing'
import { type FakeControlPlane, startFakeControlPlane } from '../testing/fake-control-plane.ts'
import { configFor, makeFolder, startTestAgent } from '../testing/node.ts'

describe('a node with two addresses of its control plane', () => {
  it('enrols at the one that answers, and goes on at the other one when that ends', async () => {
    await using folder = await makeFolder()
    await using one = await startFakeControlPlane()
    const port = await freePort()
    const otherUrl = `http://127.0.0.1:${port}`
    const config = await configFor(one, folder.path, {
      apiUrl: otherUrl,
      otherPlaces: [{ apiUrl: one.url, proxyUrl: undefined }],
    })
    await using node = await startTestAgent(config)
    const place = () => node.agent.status().control_plane
    await until('a stream', () => one.openStreams() === 1)
    assert.equal(place().url, one.url)
    assert.match(place().addresses?.[0]?.last_error ?? '', /ECONNREFUSED/)

    await using two = await startFakeControlPlane({ port })
    sameInstallation(one, two)
    await one[Symbol.asyncDispose]()
    await until('a stream at the other', () => two.openStreams() === 1)
    await until('it is connected', () => place().stream === 'connected')
    assert.partialDeepStrictEqual(place(), {
      url: otherUrl,
      addresses: [
        { url: otherUrl, in_use: true, last_error: '', failed_at: null },
        { url: one.url, in_use: false },
      ],
    })
    const id = await two.publish('resync', { reason: 'asked' })
    await until('its event', () => place().last_event_id === id)
    assert.deepEqual(node.agent.status().problems, [])
  })

  it('takes its stream along when a request finds the other address', async () => {
    await using folder = await makeFolder()
    await using one = await startFakeControlPlane()
    await using two = await startFakeControlPlane()
    sameInstallation(one, two)
    const config = await configFor(one, folder.path, {
      otherPlaces: [{ apiUrl: two.url, proxyUrl: undefined }],
    })
    await using node = await startTestAgent(config)
    await until('a stream', () => one.openStreams() === 1)
    one.override = ({ line }) =>
      line.endsWith('/events') ? undefined : { status: 200, hangUp: true }
    node.agent.reconcile()
    await until('the stream at the other', () => two.openStreams() === 1)
    await until('no stream at the first', () => one.openStreams() === 0)
  })
})

function sameInstallation(one: FakeControlPlane, two: FakeControlPlane): void {
  two.signer = one.signer
  two.state = { ...one.state }
}
