import assert from 'node:assert/strict'
import {
  controlApi,
  type EndpointResponse,
  type HeartbeatResponse,
  type RotateKeysResponse,
} from '@plexd/protocol'
import { until } from '@plexd/runtime/testing'
import { newPublicKey, type RawAnswer, type TestNode } from '../../support/system.ts'
import type { ContractCase } from '../contract-case.ts'
import { seedPeer } from './seed-peer.ts'

const seedHeartbeat = {
  node_id: 'n_abc123',
  timestamp: '2025-01-15T10:30:00Z',
  status: 'healthy',
  uptime: '72h15m',
  binary_checksum: 'sha256:a1b2c3d4e5f6',
  mesh: { interface: 'plexd0', peer_count: 12, listen_port: 51820 },
  nat: { public_endpoint: '203.0.113.10:51820', type: 'full_cone' },
}

/** The control plane learns that a pull has arrived a moment after the node does. */
function heartbeatUntil(node: TestNode, found: (answer: RawAnswer) => boolean): Promise<RawAnswer> {
  return until('the heartbeat is answered so', async () => {
    const answer = await node.call(controlApi.heartbeat, { body: seedHeartbeat })
    return found(answer) && answer
  })
}

export const heartbeatCases: ContractCase[] = [
  {
    status: 200,
    when: "for the seed's request, and shows it to operators",
    answer: ({ web }) => web.call(controlApi.heartbeat, { body: seedHeartbeat }),
    async check(_, { system, web }) {
      const { body: node } = await system.admin.getNode({ params: { node: web.node_id } })
      assert.deepEqual(node.heartbeat, seedHeartbeat)
      assert.equal(node.status, 'online')
    },
  },
  {
    status: 200,
    when: 'with {} when there is nothing to do',
    async answer({ system }) {
      const node = await system.enrol('calm')
      await node.call(controlApi.getState)
      return heartbeatUntil(node, (answer) => answer.text === '{}')
    },
  },
  {
    status: 200,
    when: 'with reconcile when the state has changed, until the node has pulled it',
    async answer({ system }) {
      const node = await system.enrol('behind')
      await node.call(controlApi.getState)
      await system.admin.setNodeMetadata({
        params: { node: node.node_id },
        body: { set: { role: 'db' } },
      })
      const answer = await node.call(controlApi.heartbeat, { body: seedHeartbeat })
      assert.equal(answer.json<HeartbeatResponse>().reconcile, true)
      const again = await node.call(controlApi.heartbeat, { body: seedHeartbeat })
      assert.equal(again.json<HeartbeatResponse>().reconcile, true)
      await node.call(controlApi.getState)
      await heartbeatUntil(node, (after) => after.text === '{}')
      return answer
    },
  },
  {
    status: 200,
    when: 'with rotate_keys when an operator asked for it, until the node has rotated',
    async answer({ system }) {
      const node = await system.enrol('rotating')
      await system.admin.requestKeyRotation({ params: { node: node.node_id } })
      const answer = await node.call(controlApi.heartbeat, { body: seedHeartbeat })
      assert.equal(answer.json<HeartbeatResponse>().rotate_keys, true)
      await node.call(controlApi.rotateKeys, {
        body: { node_id: node.node_id, new_public_key: newPublicKey() },
      })
      const after = await node.call(controlApi.heartbeat, { body: seedHeartbeat })
      assert.notEqual(after.json<HeartbeatResponse>().rotate_keys, true)
      return answer
    },
  },
  {
    status: 401,
    when: 'for a node that was removed: it has to register again',
    error: 'unauthorized',
    async answer({ system }) {
      const node = await system.enrol('removed')
      await system.admin.removeNode({ params: { node: node.node_id } })
      return node.call(controlApi.heartbeat, { body: seedHeartbeat })
    },
  },
]

export const deregisterCases: ContractCase[] = [
  {
    status: 200,
    when: 'and the node is gone',
    async answer({ system }) {
      const node = await system.enrol('leaving')
      const answer = await node.call(controlApi.deregister)
      const { body } = await system.admin.listNodes({ query: { limit: '1000' } })
      assert.ok(body.items.every(({ id }) => id !== node.node_id))
      return answer
    },
  },
  {
    status: 200,
    when: 'again, when the answer to the first time was lost',
    async answer({ system }) {
      const node = await system.enrol('leaving-twice')
      await node.call(controlApi.deregister)
      return node.call(controlApi.deregister)
    },
  },
  {
    status: 200,
    when: 'and the hostname is free for another',
    async answer({ system }) {
      const node = await system.enrol('reused')
      const answer = await node.call(controlApi.deregister)
      const next = await system.enrol('reused')
      assert.notEqual(next.node_id, node.node_id)
      // Only later, so that peers that have not heard yet do not talk to the wrong one.
      assert.notEqual(next.mesh_ip, node.mesh_ip)
      return answer
    },
  },
]

export const rotateKeysCases: ContractCase[] = [
  {
    status: 200,
    when: 'with the peers and their new PSKs',
    async answer({ system, web }) {
      const node = await system.enrol('rotator')
      const before = node.peers.find(({ id }) => id === web.node_id)
      const key = newPublicKey()
      const request = { body: { node_id: node.node_id, new_public_key: key } }
      const answer = await node.call(controlApi.rotateKeys, request)
      const { updated_peers } = answer.json<RotateKeysResponse>()
      const after = updated_peers.find(({ id }) => id === web.node_id)
      assert.equal(after?.public_key, web.publicKey)
      assert.notEqual(after?.psk, before?.psk)
      const again = await node.call(controlApi.rotateKeys, request)
      assert.deepEqual(again.json(), answer.json(), 'the same key again changes nothing')
      return answer
    },
    example: {
      updated_peers: [seedPeer],
    },
    extensions: [
      '.updated_peers[].hostname',
      '.updated_peers[].status',
      '.node_secret_key',
      '.node_token',
    ],
  },
  {
    status: 400,
    when: 'for a key of 31 bytes',
    answer: ({ web }) =>
      web.call(controlApi.rotateKeys, {
        body: {
          node_id: web.node_id,
          new_public_key: Buffer.alloc(31, 7).toString('base64'),
        },
      }),
  },
  {
    status: 400,
    when: 'without a key',
    answer: ({ web }) => web.call(controlApi.rotateKeys, { body: { node_id: web.node_id } }),
  },
  {
    status: 403,
    when: "for another node's id in the body",
    answer: ({ web, db }) =>
      web.call(controlApi.rotateKeys, {
        body: { node_id: db.node_id, new_public_key: newPublicKey() },
      }),
  },
  {
    status: 409,
    when: 'for the key of another node',
    answer: ({ web, db }) =>
      web.call(controlApi.rotateKeys, {
        body: { node_id: web.node_id, new_public_key: db.publicKey },
      }),
  },
]

const capabilities = {
  binary: { version: '1.5.0', checksum: 'sha256:0011' },
  builtin_actions: [
    {
      name: 'service.restart',
      description: 'Restart',
      parameters: [{ name: 'unit', type: 'string', required: true, description: 'Unit' }],
    },
  ],
  hooks: null,
}

export const putCapabilitiesCases: ContractCase[] = [
  {
    status: 200,
    when: 'and shows them to operators',
    answer: ({ db }) => db.call(controlApi.putCapabilities, { body: capabilities }),
    async check(_, { system, db }) {
      const { body: node } = await system.admin.getNode({ params: { node: db.node_id } })
      assert.deepEqual(node.capabilities, capabilities)
      assert.equal(node.version, '1.5.0')
    },
  },
]

export const putEndpointCases: ContractCase[] = [
  {
    status: 200,
    when: "with the endpoints of the peers, for the seed's request",
    async answer({ web, db }) {
      await db.call(controlApi.putEndpoint, {
        body: { public_endpoint: '198.51.100.5:51820', nat_type: 'none' },
      })
      return web.call(controlApi.putEndpoint, {
        body: { public_endpoint: '203.0.113.10:51820', nat_type: 'full_cone' },
      })
    },
    example: { peer_endpoints: [{ peer_id: 'n_peer456', endpoint: '198.51.100.5:51820' }] },
    check(answer, { db }) {
      const { peer_endpoints } = answer.json<EndpointResponse>()
      const peer = peer_endpoints.find(({ peer_id }) => peer_id === db.node_id)
      assert.equal(peer?.endpoint, '198.51.100.5:51820')
    },
  },
  {
    status: 200,
    when: 'and what was left out, for an endpoint that is none',
    answer: ({ web }) =>
      web.call(controlApi.putEndpoint, {
        body: { public_endpoint: 'https://example.com/', nat_type: 'none' },
      }),
    check(answer) {
      const { left_out = [] } = answer.json<EndpointResponse>()
      assert.match(left_out[0] ?? '', /^public_endpoint "https:/)
    },
  },
  {
    status: 400,
    when: 'for a type of NAT that is no text',
    answer: ({ web }) =>
      web.call(controlApi.putEndpoint, { body: { public_endpoint: '', nat_type: 1 } }),
  },
]
