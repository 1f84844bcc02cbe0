import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import {
  controlApi,
  type EventPayload,
  type EventType,
  eventPayloads,
  eventTypes,
  importVerifyKey,
  type NodeState,
  type OpenedSession,
  parseDuration,
  parseEnvelope,
  refusalOf,
  SessionClaims,
} from '@plexd/protocol'
import type { EventStream } from '@plexd/runtime/testing'
import { assertShape } from '../support/shape.ts'
import { newPublicKey, type System, startSystem, type TestNode } from '../support/system.ts'

/** What makes the control plane send an event to `web`, and what must be in it (wire contract 3.8). */
interface EventCase<T extends EventType> {
  by: string
  cause(stage: Stage): Promise<unknown>
  /** Fields that the seed, or the Go agent, reads. */
  fields: readonly string[]
  check?(payload: EventPayload<T>, stage: Stage): Promise<void> | void
}

interface Stage {
  system: System
  web: TestNode
  /** Made for this one case. */
  peer: TestNode
}

/** An event type that is left out does not compile. */
const cases: { [T in EventType]: EventCase<T> } = {
  peer_added: {
    by: 'a node that registers',
    cause: ({ system }) => system.enrol('newcomer'),
    fields: ['id', 'peer_id', 'public_key', 'mesh_ip', 'endpoint', 'allowed_ips', 'psk'],
    async check(payload, { web }) {
      assert.equal(payload.id, payload.peer_id)
      const state = (await web.call(controlApi.getState)).json<NodeState>()
      const { peer_id: _, ...peer } = payload
      assert.deepEqual(
        peer,
        state.peers.find(({ id }) => id === payload.id),
      )
    },
  },
  peer_removed: {
    by: 'an operator who removes a node',
    cause: ({ system, peer }) => system.admin.removeNode({ params: { node: peer.node_id } }),
    fields: ['id', 'peer_id'],
    check: (payload, { peer }) =>
      assert.deepEqual(payload, { id: peer.node_id, peer_id: peer.node_id }),
  },
  peer_key_rotated: {
    by: 'a node that rotates its key',
    cause: ({ peer }) => rotate(peer),
    fields: ['id', 'peer_id', 'public_key', 'psk', 'mesh_ip', 'endpoint', 'allowed_ips'],
    check(payload, { peer }) {
      assert.equal(payload.id, peer.node_id)
      assert.notEqual(payload.public_key, peer.publicKey)
      assert.equal(payload.previous_public_key, peer.publicKey)
    },
  },
  peer_endpoint_changed: {
    by: 'a node that reports its endpoint',
    cause: ({ peer }) =>
      peer.call(controlApi.putEndpoint, {
        body: { public_endpoint: '203.0.113.10:51820', nat_type: 'full_cone' },
      }),
    fields: ['id', 'peer_id', 'endpoint', 'public_key', 'mesh_ip', 'allowed_ips'],
    check(payload, { peer }) {
      assert.equal(payload.id, peer.node_id)
      assert.equal(payload.endpoint, '203.0.113.10:51820')
      assert.deepEqual(payload.allowed_ips, [`${peer.mesh_ip}/32`])
    },
  },
  policy_updated: {
    by: 'an operator who writes a policy',
    cause: ({ system }) =>
      system.admin.putPolicy({
        params: { name: 'https' },
        body: {
          name: 'https',
          rules: [{ from: '*', to: '*', port: 443, protocol: 'tcp', action: 'allow' }],
        },
      }),
    fields: ['policies'],
    async check(payload, { web }) {
      const state = (await web.call(controlApi.getState)).json<NodeState>()
      assert.deepEqual(payload.policies, state.policies)
      assert.ok(payload.policies?.some(({ rules }) => rules.some(({ port }) => port === 443)))
    },
  },
  action_request: {
    by: 'an operator who runs an action',
    async cause({ system, web }) {
      await web.call(controlApi.putCapabilities, {
        body: {
          hooks: [
            {
              name: 'hooks/backup',
              source: 'script',
              checksum: 'sha256:00ff',
              parameters: [{ name: 'full', type: 'bool', required: false, description: '' }],
            },
          ],
        },
      })
      await system.admin.runAction({
        params: { node: web.node_id },
        body: { action: 'hooks/backup', parameters: { full: 'true' }, timeout: '45s' },
      })
    },
    fields: [
      'execution_id',
      'action',
      'type',
      'parameters',
      'timeout',
      'checksum',
      'callback_url',
      'triggered_by',
    ],
    check({ execution_id, callback_url = '', ...rest }, { system, web }) {
      assert.match(execution_id, /^exec_/)
      assert.equal(rest.action, 'hooks/backup')
      assert.equal(rest.type, 'hook')
      assert.deepEqual(rest.parameters, { full: 'true' }, 'texts: Go reads no other type')
      assert.equal(rest.timeout, '45s')
      assert.equal(rest.checksum, 'sha256:00ff', 'as the node announced it')
      assert.equal(rest.triggered_by?.type, 'control_plane')
      assert.equal(
        callback_url,
        `${system.controlPlane.url}/v1/nodes/${web.node_id}/executions/${execution_id}`,
      )
    },
  },
  action_cancelled: {
    by: 'an operator who cancels one that it runs',
    async cause({ system, web }) {
      await web.call(controlApi.putCapabilities, {
        body: { builtin_actions: [{ name: 'system.info' }] },
      })
      const { body } = await system.admin.runAction({
        params: { node: web.node_id },
        body: { action: 'system.info' },
      })
      const params = { execution_id: body.id }
      await web.call(controlApi.ackExecution, { params, body: { status: 'accepted' } })
      await system.admin.cancelExecution({ params })
    },
    fields: ['execution_id'],
  },
  session_revoked: {
    by: 'an operator who ends a session',
    async cause(stage) {
      const { session } = await openSession(stage)
      await stage.system.admin.revokeSession({ params: { session: session.id } })
    },
    fields: ['session_id', 'revoked_at'],
    async check({ session_id, revoked_at }, { system }) {
      const { body } = await system.admin.getSession({ params: { session: session_id } })
      assert.deepEqual([body.state, body.reason], ['closed', 'revoked'])
      assert.equal(body.closed_at, revoked_at)
    },
  },
  ssh_session_setup: {
    by: 'an operator who opens a session',
    cause: openSession,
    fields: [
      'session_id',
      'session_token',
      'target_host',
      'target_port',
      'authorized_key',
      'expires_at',
      'user_id',
      'email',
      'actions',
      'kind',
    ],
    async check({ session_token = '', ...setup }, { system, web }) {
      const { body } = await system.admin.getSession({
        params: { session: setup.session_id ?? '' },
      })
      assert.equal(setup.authorized_key, clientKey)
      assert.equal(setup.expires_at, body.expires_at)
      assert.equal(setup.session?.way, 'relay')
      const key = await importVerifyKey(await keyOf(system))
      const [head = '', body64 = '', signature = ''] = session_token.split('.')
      assert.deepEqual(jsonOf(head), { alg: 'EdDSA', typ: 'JWT' })
      const signed = Buffer.from(`${head}.${body64}`)
      const bytes = Buffer.from(signature, 'base64url')
      assert.ok(await crypto.subtle.verify('Ed25519', key, bytes, signed))
      assertShape(SessionClaims, jsonOf(body64))
      const { iat: _, ...claims } = jsonOf(body64)
      assert.deepEqual(claims, {
        iss: 'plexsphere',
        sub: body.user_id,
        email: '',
        name: 'admin',
        node_id: web.node_id,
        session_id: body.id,
        actions: ['mesh.*'],
        login: 'deploy',
        forward: ['127.0.0.1:5432'],
        shell: true,
        recorded: true,
        exp: Math.floor(Date.parse(body.expires_at) / 1_000),
      })
    },
  },
  rotate_keys: {
    by: 'an operator who asks for new keys',
    cause: ({ system, web }) => system.admin.requestKeyRotation({ params: { node: web.node_id } }),
    fields: [],
  },
  signing_key_rotated: {
    by: 'an operator who rotates the signing key',
    cause: ({ system }) => system.admin.rotateSigningKey({ body: { transition_period: '1h' } }),
    fields: [
      'current',
      'previous',
      'transition_expires',
      'new_signing_public_key',
      'valid_from',
      'transition_period',
    ],
    async check(payload, { web }) {
      assert.equal(payload.new_signing_public_key, payload.current)
      assert.equal(payload.previous, web.signing_public_key)
      assert.equal(parseDuration(payload.transition_period ?? ''), 3_600_000)
      const lastsMs =
        Date.parse(payload.transition_expires ?? '') - Date.parse(payload.valid_from ?? '')
      assert.ok(Math.abs(lastsMs - 3_600_000) <= 1_000)
      const { signing_keys } = (await web.call(controlApi.getState)).json<NodeState>()
      assert.equal(signing_keys.current, payload.current)
      assert.equal(signing_keys.previous, payload.previous)
    },
  },
  node_state_updated: {
    by: 'an operator who writes data',
    cause: ({ system, web }) =>
      system.admin.putData({
        params: { key: 'motd' },
        body: {
          target: { node_id: web.node_id },
          content_type: 'text/plain',
          payload: '<b>&\u2028ü',
        },
      }),
    fields: ['metadata', 'data'],
    async check(payload, { web }) {
      const state = (await web.call(controlApi.getState)).json<NodeState>()
      assert.deepEqual(payload, { metadata: state.metadata, data: state.data }, 'all, never a part')
      assert.equal(payload.data?.find(({ key }) => key === 'motd')?.payload, '<b>&\u2028ü')
    },
  },
  node_secrets_updated: {
    by: 'an operator who writes a secret',
    cause: ({ system, web }) =>
      system.admin.putSecret({
        params: { key: 'token' },
        body: { target: { node_id: web.node_id }, value: 's3cret-p@ssw0rd' },
      }),
    fields: ['secret_refs'],
    check: (payload) => assert.deepEqual(payload, { secret_refs: [{ key: 'token', version: 1 }] }),
  },
  resync: {
    by: 'a node whose position the control plane does not know',
    cause: () => Promise.resolve(),
    fields: ['reason'],
  },
}

describe('the event stream', () => {
  let system: System
  let web: TestNode
  let stream: EventStream

  before(async () => {
    system = await startSystem()
    web = await system.enrol('web-01')
    stream = await web.stream()
  })
  after(async () => {
    stream?.[Symbol.dispose]()
    await system[Symbol.asyncDispose]()
  })

  for (const type of eventTypes) {
    const one = cases[type] as EventCase<EventType> // of that type, by the table
    it(`sends ${type} for ${one.by}`, async () => {
      const stage = { system, web, peer: await system.enrol(`peer-${type.replaceAll('_', '-')}`) }
      await one.cause(stage)
      using lost = type === 'resync' ? await web.stream('unknown-1') : undefined
      const block = await (lost ?? stream).find(type)

      const envelope = parseEnvelope(block.data)
      assert.equal(envelope.event_type, type)
      // The key that is leaving signs the news of the next one.
      const key = type === 'signing_key_rotated' ? web.signing_public_key : await keyOf(system)
      const keys = [await importVerifyKey(key)]
      assert.equal(await refusalOf(envelope, { keys, nowMs: Date.now() }), undefined)
      const payload = JSON.parse(envelope.payload) as Record<string, unknown> // its shape is asserted next
      assertShape(eventPayloads[type], payload)
      assert.deepEqual(
        one.fields.filter((field) => !Object.hasOwn(payload, field)),
        [],
      )
      await one.check?.(payload as EventPayload<EventType>, stage)
      assert.doesNotMatch(block.data, /s3cret/)
    })
  }
})

const clientKey = `ssh-ed25519 ${'A'.repeat(68)}`

/** On a node that says that it runs sessions. */
async function openSession({ system, web }: Stage): Promise<OpenedSession> {
  await web.call(controlApi.putCapabilities, {
    body: { sessions: { host_key: clientKey, max_sessions: 10 } },
  })
  const { body } = await system.admin.openSession({
    body: {
      node: web.node_id,
      login: 'deploy',
      public_key: clientKey,
      way: 'relay',
      ttl: '5m',
      forward: ['127.0.0.1:5432'],
      actions: ['mesh.*'],
    },
  })
  return body
}

function jsonOf(base64url: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(base64url, 'base64url').toString()) as Record<string, unknown> // both parts of a JWT are objects
}

/** The key that signs now. */
async function keyOf({ admin }: System): Promise<string> {
  const { body } = await admin.listSigningKeys({})
  return body.items.find(({ state }) => state === 'current')?.public_key ?? ''
}

function rotate(node: TestNode): Promise<unknown> {
  return node.call(controlApi.rotateKeys, {
    body: { node_id: node.node_id, new_public_key: newPublicKey() },
  })
}
