import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createFakeClock } from '@plexd/runtime/testing'
import type { Backend } from '../backend/wg-interface.ts'
import { createInterfaceCache } from './interface-cache.ts'
import type { WireguardSight } from './sight.ts'

const nothing = (): never => assert.fail('not called')
const backend: Backend = { name: 'wireguard-go', read: nothing, write: nothing }
const certain = () => false
const seen: WireguardSight = {
  state: 'wireguard',
  backend,
  link: {
    name: 'plexd0',
    kind: 'tun',
    up: true,
    mtu: 1420,
    addresses: [],
    routes: [],
    mainRoutes: [],
  },
  wg: { private_key: '', listen_port: 51_820, fwmark: 0xe4, peers: [] },
}

function setUp() {
  const state = { looks: 0, settled: 0, seen, disturbed: false as boolean | undefined }
  const clock = createFakeClock()
  const driver = {
    look: async () => {
      state.looks++
      return state.seen
    },
    lookStarts: () => () => {
      state.settled++
    },
    isDisturbed: () => state.disturbed,
    make: nothing,
    findStray: nothing,
    rename: nothing,
    remove: nothing,
    ip: nothing,
  }
  return { state, clock, memory: createInterfaceCache(driver, clock) }
}

describe('what was seen of an interface', () => {
  it('is read each time while nothing watches the interface', async () => {
    const { state, memory } = setUp()
    await memory.recent()
    await memory.recent()
    assert.equal(state.looks, 2)
  })

  it('is kept for a while if something watches', async () => {
    const { state, memory, clock } = setUp()
    using _watch = memory.trust()
    await memory.recent()
    await memory.recent()
    assert.equal(state.looks, 1)

    await clock.advance(30_000)
    await memory.recent()
    assert.equal(state.looks, 2)
  })

  it('is read again if another program was connected, or that is unknown', async () => {
    const { state, memory } = setUp()
    using _watch = memory.trust()
    await memory.recent()
    for (const disturbed of [true, undefined]) {
      state.disturbed = disturbed
      await memory.recent()
    }
    assert.equal(state.looks, 3)
  })

  it('settles what other programs may have changed when all of it is read again, and only then', async () => {
    const { state, memory } = setUp()
    using _watch = memory.trust()
    await memory.recent()
    assert.equal(state.settled, 1)
    await memory.recent()
    memory.putBack(seen, [])
    assert.equal(state.settled, 1)
    state.seen = { ...seen, backend: { ...backend, read: async () => seen.wg } }
    await memory.take(() => true)
    assert.equal(state.settled, 1)
  })

  it('includes our own changes', async () => {
    const { state, memory } = setUp()
    using _watch = memory.trust()
    await memory.recent()
    const taken = await memory.take(certain)
    assert.equal(taken, seen)
    memory.putBack(seen, [
      { public_key: 'db', type: 'add', psk: 'secret', allowed_ips: ['10.100.1.2/32'] },
      { public_key: 'web', type: 'add' },
      { public_key: 'db', type: 'update', psk: '' },
      { public_key: 'web', type: 'remove' },
    ])

    const sight = await memory.recent()

    assert.equal(state.looks, 1)
    assert.partialDeepStrictEqual(sight, {
      wg: { peers: [{ public_key: 'db', psk: '', allowed_ips: ['10.100.1.2/32'] }] },
    })
  })

  it('is forgotten when taken, until it is put back', async () => {
    const { state, memory } = setUp()
    using _watch = memory.trust()
    await memory.recent()
    await memory.take(certain)
    await memory.recent()
    assert.equal(state.looks, 2)
  })

  it('is read again if handshakes matter, unless it is only a moment old', async () => {
    const { state, clock, memory } = setUp()
    using _watch = memory.trust()
    const wg = { ...seen.wg, listen_port: 51_821 }
    state.seen = { ...seen, backend: { ...backend, read: async () => wg } }
    await memory.recent()
    const early = await memory.take(() => true)
    assert.equal(early, state.seen)
    memory.putBack(state.seen, [])

    await clock.advance(1_000)
    assert.partialDeepStrictEqual(await memory.take(certain), { wg: seen.wg })
    memory.putBack(state.seen, [])
    assert.partialDeepStrictEqual(await memory.take(() => true), { wg })
  })
})
