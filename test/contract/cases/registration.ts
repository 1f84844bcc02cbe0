import assert from 'node:assert/strict'
import { startControlPlane } from '@plexd/control-plane/testing'
import { controlApi, nskBytes, type RegisterResponse } from '@plexd/protocol'
import { createFakeClock } from '@plexd/runtime/testing'
import { newPublicKey, type RawAnswer } from '../../support/system.ts'
import type { ContractCase, Stage } from '../contract-case.ts'
import { seedPeer } from './seed-peer.ts'

const { register } = controlApi

interface Body {
  token: string
  public_key: string
  hostname: string
  [field: string]: unknown
}

async function body(stage: Stage, change: Partial<Body> = {}): Promise<Body> {
  return {
    token: await stage.system.bootstrapToken(),
    public_key: newPublicKey(),
    hostname: `host-${crypto.randomUUID()}`,
    ...change,
  }
}

const registerWith =
  (change: Partial<Body> = {}): ContractCase['answer'] =>
  async (stage) =>
    stage.system.call(register, { body: await body(stage, change) })

const without =
  (field: string): ContractCase['answer'] =>
  async (stage) => {
    const { [field]: _, ...rest } = await body(stage)
    return stage.system.call(register, { body: rest })
  }

async function postJson(url: string, body: object): Promise<RawAnswer> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  const text = await answer.text()
  return {
    status: answer.status,
    headers: Object.fromEntries(answer.headers),
    text,
    json: () => JSON.parse(text),
  }
}

const given = (answer: RawAnswer): RegisterResponse => answer.json<RegisterResponse>()

const seedRequest = {
  metadata: { os: 'linux', arch: 'amd64', kernel: '6.1.0' },
  capabilities: {
    binary: { version: '1.4.2', checksum: 'sha256:a1b2c3d4e5f6' },
    builtin_actions: [{ name: 'system.info', description: 'Facts', parameters: [] }],
    hooks: [
      {
        name: 'hooks/backup',
        description: 'Back up',
        source: 'script',
        checksum: 'sha256:00ff',
        parameters: [],
        timeout: '300s',
        sandbox: 'namespaced',
      },
    ],
  },
}

export const registerCases: ContractCase[] = [
  {
    status: 201,
    when: "with identity, keys and peers for the seed's request",
    answer: registerWith(seedRequest),
    example: {
      node_id: 'n_abc123',
      mesh_ip: '10.100.1.1',
      signing_public_key: '',
      node_secret_key: '',
      peers: [seedPeer],
    },
    extensions: [
      '.node_token',
      '.hostname',
      '.mesh_range',
      '.mesh_ranges',
      '.peers[].hostname',
      '.peers[].status',
    ],
    async check(answer, { system, web }) {
      const node = given(answer)
      assert.match(node.node_id, /^n_/)
      assert.match(node.mesh_ip, /^10\.100\.\d+\.\d+$/)
      assert.equal(nskBytes(node.node_secret_key).length, 32)
      const peer = node.peers.find(({ id }) => id === web.node_id)
      assert.equal(peer?.public_key, web.publicKey)
      assert.deepEqual(peer?.allowed_ips, [`${web.mesh_ip}/32`])
      assert.equal(nskBytes(peer?.psk ?? '').length, 32)
      const seen = await system.admin.getNode({ params: { node: node.node_id } })
      assert.deepEqual(seen.body.reported, seedRequest.metadata)
      assert.deepEqual(seen.body.capabilities, seedRequest.capabilities)
    },
  },
  {
    status: 201,
    when: 'with the same answer when the same token and key come again',
    async answer(stage) {
      const request = await body(stage)
      const first = given(await stage.system.call(register, { body: request }))
      const again = await stage.system.call(register, { body: request })
      const { peers: _, ...identity } = first
      const { peers: __, ...identityAgain } = given(again)
      assert.deepEqual(identityAgain, identity)
      return again
    },
  },
  {
    status: 201,
    when: 'with the hostname and metadata that the token presets',
    async answer({ system }) {
      const hostname = `preset-${crypto.randomUUID()}`
      const token = await system.bootstrapToken({ hostname, metadata: { role: 'web' } })
      const answer = await system.call(register, {
        body: { token, public_key: newPublicKey(), hostname, metadata: { env: 'prod' } },
      })
      const { body: node } = await system.admin.getNode({ params: { node: hostname } })
      assert.equal(node.labels.role, 'web')
      assert.equal(node.hostname, hostname)
      return answer
    },
  },
  {
    status: 201,
    when: 'once, when 64 nodes race for one token',
    async answer(stage) {
      const token = await stage.system.bootstrapToken()
      const answers = await Promise.all(
        Array.from({ length: 64 }, () => registerWith({ token })(stage)),
      )
      const made = answers.filter(({ status }) => status === 201)
      assert.equal(made.length, 1)
      assert.ok(answers.every(({ status }) => status === 201 || status === 401))
      return made[0] as RawAnswer // there is one, as was just asserted
    },
  },
  {
    status: 201,
    when: 'with one node, when one node asks 16 times at once',
    async answer(stage) {
      const request = await body(stage)
      const answers = await Promise.all(
        Array.from({ length: 16 }, () => stage.system.call(register, { body: request })),
      )
      assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([201]))
      assert.equal(new Set(answers.map((answer) => given(answer).node_id)).size, 1)
      return answers[0] as RawAnswer // sixteen were asked for
    },
  },
  ...['token', 'public_key', 'hostname'].map(
    (field): ContractCase => ({ status: 400, when: `without ${field}`, answer: without(field) }),
  ),
  { status: 400, when: 'for a key that is not base64', answer: registerWith({ public_key: '!' }) },
  {
    status: 400,
    when: 'for a key of 31 bytes',
    answer: registerWith({ public_key: Buffer.alloc(31, 7).toString('base64') }),
  },
  { status: 400, when: 'for an empty hostname', answer: registerWith({ hostname: '' }) },
  {
    status: 400,
    when: 'for a hostname of 254 characters',
    answer: registerWith({ hostname: 'x'.repeat(254) }),
  },
  {
    status: 400,
    when: 'for a body that is not JSON',
    error: 'invalid JSON body',
    answer: ({ system }) => system.call(register, { body: '{"token":' }),
  },
  {
    status: 401,
    when: 'for an unknown token',
    answer: registerWith({ token: 'plx_enroll_nobody' }),
  },
  {
    status: 401,
    when: 'for a token that was used with another key',
    async answer(stage) {
      const token = await stage.system.bootstrapToken()
      assert.equal((await registerWith({ token })(stage)).status, 201)
      return registerWith({ token })(stage)
    },
  },
  {
    status: 401,
    when: 'for a token that was revoked',
    async answer(stage) {
      const { body: created } = await stage.system.admin.createToken({ body: {} })
      await stage.system.admin.revokeToken({ params: { token_id: created.id } })
      return registerWith({ token: created.token })(stage)
    },
  },
  {
    status: 401,
    when: 'for a token that has expired',
    async answer() {
      // In this process, because time is not ours in another.
      const clock = createFakeClock()
      await using controlPlane = await startControlPlane({ clock })
      const token = await controlPlane.createToken({ ttlMs: 60_000 })
      await clock.advance(60_001)
      const body = { token, public_key: newPublicKey(), hostname: 'late' }
      return await postJson(`${controlPlane.url}${register.path}`, body)
    },
  },
  {
    status: 409,
    when: 'for a hostname that is taken, and burns nothing',
    async answer(stage) {
      const token = await stage.system.bootstrapToken()
      const answer = await registerWith({ token, hostname: 'web-01' })(stage)
      assert.equal((await registerWith({ token })(stage)).status, 201)
      return answer
    },
  },
]
