import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ApiError, type Peer, type RotateKeysResponse } from '@plexd/protocol'
import { silentLog } from '@plexd/runtime'
import { createFakeClock } from '@plexd/runtime/testing'
import type { Identity, IdentityStore } from '../identity/identity.ts'
import { generatePrivateKey, publicKeyOf } from '../identity/keys.ts'
import { startKeyRotation } from './key-rotation.ts'

const oldKey = generatePrivateKey()
const peer: Peer = {
  id: 'n_db',
  public_key: publicKeyOf(generatePrivateKey()),
  mesh_ip: '10.100.1.2',
  endpoint: '',
  allowed_ips: ['10.100.1.2/32'],
  psk: '',
}

describe('key rotation', () => {
  it('saves the new key before it is sent, and promotes it when it is accepted', async () => {
    await using setup = setUp()
    setup.onSend = () => assert.notEqual(setup.identity().pending_private_key, undefined)
    await setup.rotation.request('evt_1')
    const pending = setup.identity().pending_private_key ?? ''
    assert.equal(setup.identity().private_key, oldKey)
    await setup.clock.advance(0)

    assert.deepEqual(setup.sent, [{ node_id: 'n_test', new_public_key: publicKeyOf(pending) }])
    assert.equal(setup.identity().private_key, pending)
    assert.equal(setup.identity().pending_private_key, undefined)
    assert.deepEqual(setup.promoted, [pending])
  })

  it('uses the new key when its peers had time to hear of it, and their PSKs with it', async () => {
    await using setup = setUp({}, 2_000)
    setup.answers.push({ updated_peers: [peer] })
    await setup.rotation.request('evt_1')
    await setup.clock.advance(1_999)
    assert.deepEqual(setup.prepared, [0])
    assert.deepEqual(setup.peers, [peer])
    assert.deepEqual(setup.promoted, [])
    assert.equal(setup.identity().private_key, oldKey)

    await setup.clock.advance(1)
    assert.deepEqual(setup.promoted, [setup.identity().private_key])
    assert.equal(setup.identity().pending_private_key, undefined)
  })

  it('announces after a crash the key that it had announced before', async () => {
    const pending = generatePrivateKey()
    await using setup = setUp({ pending_private_key: pending })
    await setup.clock.advance(0)
    assert.deepEqual(
      setup.sent.map(({ new_public_key }) => new_public_key),
      [publicKeyOf(pending)],
    )
    assert.equal(setup.identity().private_key, pending)
  })

  it('rotates once for an event that comes twice, and for requests that come together', async () => {
    await using setup = setUp()
    await Promise.all([setup.rotation.request('evt_1'), setup.rotation.request()])
    await setup.clock.advance(0)
    await setup.rotation.request('evt_1')
    await setup.clock.advance(60_000)
    assert.equal(setup.sent.length, 1)

    await setup.rotation.request('evt_2')
    await setup.clock.advance(0)
    assert.equal(setup.sent.length, 2)
  })

  it('tries again with the same key until it is answered', async () => {
    await using setup = setUp()
    setup.answers.push(new Error('down'), new ApiError('internal', 'x'))
    await setup.rotation.request('evt_1')
    await setup.clock.advance(10_000)
    assert.equal(setup.sent.length, 3)
    assert.equal(new Set(setup.sent.map(({ new_public_key }) => new_public_key)).size, 1)
  })

  it('takes another key when its own is taken', async () => {
    await using setup = setUp()
    setup.answers.push(new ApiError('conflict', 'the key is that of another node'))
    await setup.rotation.request('evt_1')
    await setup.clock.advance(10_000)
    assert.equal(new Set(setup.sent.map(({ new_public_key }) => new_public_key)).size, 2)
  })

  it('takes over the secrets that were rotated along', async () => {
    await using setup = setUp()
    setup.answers.push({
      updated_peers: [],
      node_token: 'new-token',
      node_secret_key: 'n'.repeat(32),
    })
    await setup.rotation.request('evt_1')
    await setup.clock.advance(0)
    assert.partialDeepStrictEqual(setup.identity(), {
      node_token: 'new-token',
      node_secret_key: 'n'.repeat(32),
      former: [{ private_key: oldKey, node_secret_key: 'k'.repeat(32) }],
    })
  })
})

function setUp(changes: Partial<Identity> = {}, noticeMs = 0) {
  const clock = createFakeClock()
  let identity: Identity = {
    node_id: 'n_test',
    mesh_ip: '10.100.1.1',
    hostname: 'h',
    private_key: oldKey,
    signing_public_key: oldKey,
    node_secret_key: 'k'.repeat(32),
    ...changes,
  }
  const store: IdentityStore = {
    current: () => identity,
    async update(change) {
      identity = change(identity)
    },
  }
  const script = {
    onSend: () => {},
    answers: [] as (RotateKeysResponse | Error)[],
    sent: [] as { node_id: string; new_public_key: string }[],
    promoted: [] as string[],
    /** How many requests had been sent each time. */
    prepared: [] as number[],
    peers: [] as Peer[],
  }
  const rotation = startKeyRotation({
    identity: store,
    client: {
      async rotateKeys({ body }) {
        script.onSend()
        script.sent.push(body)
        const answer = script.answers.shift() ?? { updated_peers: [] }
        if (answer instanceof Error) throw answer
        return { status: 200, headers: {}, body: answer }
      },
    },
    prepare: () => void script.prepared.push(script.sent.length),
    takePeers: async (peers) => void script.peers.push(...peers),
    promote: async (key) => void script.promoted.push(key),
    noticeMs,
    describe: String,
    clock,
    log: silentLog,
  })
  return Object.assign(script, {
    rotation,
    clock,
    identity: () => identity,
    [Symbol.asyncDispose]: () => rotation[Symbol.asyncDispose](),
  })
}
