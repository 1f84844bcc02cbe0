import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import { controlApi, type NodeState, type SealedSecret } from '@plexd/protocol'
import { unseal } from '@plexd/runtime/testing'
import type { ContractCase } from '../contract-case.ts'
import { seedPeer } from './seed-peer.ts'

const seedState = {
  peers: [seedPeer],
  policies: [
    {
      id: 'pol_abc',
      rules: [
        { src: '10.100.1.0/24', dst: '10.100.1.5/32', port: 443, protocol: 'tcp', action: 'allow' },
      ],
    },
  ],
  signing_keys: { current: '', previous: null, transition_expires: '2025-01-16T10:30:00Z' },
  metadata: { environment: 'production', region: 'eu-west-1' },
  data: [
    {
      key: 'database-config',
      content_type: 'application/json',
      payload: { host: 'db.internal', port: 5432 },
      version: 3,
      updated_at: '2025-01-15T10:30:00Z',
    },
  ],
  secret_refs: [{ key: 'tls-cert', version: 2 }],
}

export const getStateCases: ContractCase[] = [
  {
    status: 200,
    when: "with all that the seed's example has",
    async answer({ system }) {
      const node = await system.enrol('stately')
      const target = { node_id: node.node_id }
      await system.admin.putPolicy({
        params: { name: 'web' },
        body: {
          name: 'web',
          rules: [{ from: '*', to: node.node_id, port: 443, protocol: 'tcp', action: 'allow' }],
        },
      })
      const params = { node: node.node_id }
      await system.admin.setNodeMetadata({ params, body: { set: seedState.metadata } })
      const [entry] = seedState.data
      for (let version = 1; version <= 3; version++)
        await system.admin.putData({
          params: { key: 'database-config' },
          body: {
            target,
            content_type: 'application/json',
            payload: version === 3 ? entry?.payload : { version },
          },
        })
      for (const value of ['old', 'new'])
        await system.admin.putSecret({ params: { key: 'tls-cert' }, body: { target, value } })
      return node.call(controlApi.getState)
    },
    example: withoutNullable(seedState),
    extensions: [
      '.node_id',
      '.hostname',
      '.mesh_ip',
      '.mesh_ranges',
      '.revision',
      '.policies[].name',
      '.peers[].hostname',
      '.peers[].status',
      '.peers[].nat_type',
      '.peers[].local_endpoints',
      '.signing_keys.previous',
      '.signing_keys.transition_expires',
    ],
    check(answer) {
      const state = answer.json<NodeState>()
      assert.deepEqual(state.metadata, seedState.metadata)
      assert.deepEqual(
        state.data.map(({ updated_at: _, ...entry }) => entry),
        seedState.data.map(({ updated_at: _, ...entry }) => entry),
      )
      assert.deepEqual(state.secret_refs, seedState.secret_refs)
      assert.equal(answer.headers.etag, `"${state.revision}"`)
    },
  },
  {
    status: 304,
    when: 'without a body when the node has that revision',
    async answer({ system }) {
      const node = await system.enrol('conditional')
      const { headers } = await node.call(controlApi.getState)
      const match = { 'if-none-match': headers.etag ?? '' }
      const unchanged = await node.call(controlApi.getState, { headers: match })
      await system.admin.setNodeMetadata({
        params: { node: node.node_id },
        body: { set: { role: 'web' } },
      })
      const changed = await node.call(controlApi.getState, { headers: match })
      assert.equal(changed.status, 200)
      assert.equal(changed.json<NodeState>().metadata.role, 'web')
      return unchanged
    },
  },
]

/** The example without what only a key rotation puts there. */
function withoutNullable({ signing_keys, ...state }: typeof seedState): unknown {
  return { ...state, signing_keys: { current: signing_keys.current } }
}

export const reportDriftCases: ContractCase[] = [
  {
    status: 200,
    when: "for the seed's request, and shows it to operators",
    answer: ({ db }) =>
      db.call(controlApi.reportDrift, {
        body: {
          timestamp: '2025-01-15T10:31:00Z',
          corrections: [
            { type: 'peer_added', detail: 'n_peer789 was missing from WireGuard config' },
            { type: 'policy_rule_removed', detail: 'Stale rule for 10.100.1.99/32 removed' },
          ],
        },
      }),
    async check(_, { system, db }) {
      const { body } = await system.admin.listTelemetry({
        params: { node: db.node_id, kind: 'drift' },
      })
      assert.match(JSON.stringify(body.items), /n_peer789 was missing from WireGuard config/)
    },
  },
]

export const getSecretCases: ContractCase[] = [
  {
    status: 200,
    when: "with a value that only the node's secret key opens",
    async answer({ system, web }) {
      const target = { node_id: web.node_id }
      for (const value of ['first', 's3cret-p@ssw0rd ü'])
        await system.admin.putSecret({ params: { key: 'web-key' }, body: { target, value } })
      return web.call(controlApi.getSecret, { params: { key: 'web-key' } })
    },
    example: { key: 'tls-cert', ciphertext: '', nonce: '', version: 2 },
    async check(answer, { web }) {
      const sealed = answer.json<SealedSecret>()
      assert.equal(unseal(web.node_secret_key, sealed), 's3cret-p@ssw0rd ü')
      assert.equal(sealed.key, 'web-key')
      assert.equal(sealed.version, 2)
      assert.equal(Buffer.from(sealed.nonce, 'base64').length, 12)
      const again = await web.call(controlApi.getSecret, { params: { key: 'web-key' } })
      assert.notEqual(again.json<SealedSecret>().nonce, sealed.nonce, 'a nonce is used once')
    },
  },
  {
    status: 200,
    when: 'for a key with slashes',
    async answer({ system, web }) {
      await system.admin.putSecret({
        params: { key: 'db/prod/password' },
        body: { target: { node_id: web.node_id }, value: 'x' },
      })
      return web.call(controlApi.getSecret, { params: { key: 'db/prod/password' } })
    },
    check(answer) {
      assert.equal(answer.json<SealedSecret>().key, 'db/prod/password')
    },
  },
  {
    status: 403,
    when: 'for a secret that is for others',
    async answer({ system, web, db }) {
      await system.admin.putSecret({
        params: { key: 'for-db' },
        body: { target: { node_id: db.node_id }, value: 'x' },
      })
      return web.call(controlApi.getSecret, { params: { key: 'for-db' } })
    },
  },
  {
    status: 404,
    when: 'for a secret that does not exist',
    answer: ({ web }) => web.call(controlApi.getSecret, { params: { key: 'nobody-wrote-it' } }),
  },
]

const entry = (key: string, version: number, seconds = 0) => ({
  key,
  content_type: 'application/json',
  payload: { status: 'healthy', checked_at: '2025-01-15T10:30:00Z' },
  version,
  updated_at: new Date(Date.UTC(2025, 0, 15, 10, 30, seconds)).toISOString(),
})

export const syncReportsCases: ContractCase[] = [
  {
    status: 200,
    when: "for the seed's request, and shows the entry to operators",
    answer: ({ web }) =>
      web.call(controlApi.syncReports, {
        body: { entries: [entry('app-health', 12)], deleted: ['old-report-key'] },
      }),
    async check(_, { system, web }) {
      const { body } = await system.admin.getReport({
        params: { node: web.node_id, key: 'app-health' },
      })
      assert.deepEqual(
        { ...body, updated_at: Date.parse(body.updated_at) },
        { ...entry('app-health', 12), updated_at: Date.parse(entry('', 0).updated_at) },
      )
    },
  },
  {
    status: 200,
    when: 'for deletions, which take entries away',
    async answer({ system, web }) {
      await web.call(controlApi.syncReports, { body: { entries: [entry('passing', 2)] } })
      const answer = await web.call(controlApi.syncReports, {
        body: { entries: [], deleted: ['passing'] },
      })
      const { body } = await system.admin.listReports({ params: { node: web.node_id } })
      assert.ok(body.items.every(({ key }) => key !== 'passing'))
      return answer
    },
  },
  {
    status: 200,
    when: 'for the same batch again',
    async answer({ web }) {
      const body = { entries: [entry('twice', 3)], deleted: [] }
      await web.call(controlApi.syncReports, { body })
      return web.call(controlApi.syncReports, { body })
    },
  },
  {
    status: 400,
    when: 'for a version that is no integer',
    answer: ({ web }) =>
      web.call(controlApi.syncReports, {
        body: { entries: [{ ...entry('odd', 1), version: 1.5 }] },
      }),
  },
  {
    status: 413,
    when: 'for a body over the limit, even when gzip makes it small',
    answer: ({ web }) =>
      web.call(controlApi.syncReports, {
        body: gzipSync(Buffer.alloc(controlApi.syncReports.maxBodyBytes + 1, ' ')),
        headers: { 'content-encoding': 'gzip' },
      }),
  },
  {
    status: 409,
    when: 'for an entry that is older than the one that is kept, and keeps the others of the batch',
    async answer({ system, web }) {
      await web.call(controlApi.syncReports, { body: { entries: [entry('stale', 9, 30)] } })
      const answer = await web.call(controlApi.syncReports, {
        body: { entries: [entry('stale', 8, 10), entry('fresh', 2)], deleted: [] },
      })
      const read = async (key: string) =>
        (await system.admin.getReport({ params: { node: web.node_id, key } })).body.version
      assert.equal(await read('stale'), 9)
      assert.equal(await read('fresh'), 2)
      return answer
    },
    check(answer) {
      assert.match(answer.text, /"stale"/, 'the conflicts are named')
      assert.doesNotMatch(answer.text, /"fresh"/)
    },
  },
]
