import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { writeNodeBinary } from '../rows/fleet/node-binaries.ts'
import {
  type EnrolledNode,
  startControlPlane,
  type TestControlPlane,
  withControlPlane,
} from '../testing/harness.ts'
import { isError } from '../testing/is-error.ts'

const content = Buffer.from('plexd 1.5.0')
const good = `sha256:${createHash('sha256').update(content).digest('hex')}`
const other = `sha256:${'cd'.repeat(32)}`
const build = { version: '1.5.0', os: 'linux', arch: 'amd64' }
const amd64 = { os: 'linux', arch: 'amd64' }

const beat = (node: EnrolledNode, binary_checksum: string, version = '1.5.0') =>
  node.api.heartbeat({ params: node, body: { status: 'healthy', version, binary_checksum } })
const upload = (plane: TestControlPlane) =>
  plane.admin.putArtifact({ params: build, body: content })
const stateOf = async (plane: TestControlPlane, node = 'web') =>
  (await plane.admin.getNode({ params: { node } })).body.binary?.state
const violationsOf = async (plane: TestControlPlane) =>
  (await plane.admin.listViolations({ query: {} })).body.items

describe('the binary of a node', () => {
  it('is a mismatch if it is no known build of its version: told once, shown to operators', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web', { reported: amd64 })
    await upload(plane)
    await beat(web, good)
    assert.equal(await stateOf(plane), 'verified')

    for (let i = 0; i < 3; i++) await beat(web, other)
    const { body: node } = await plane.admin.getNode({ params: { node: 'web' } })
    assert.partialDeepStrictEqual(node.binary, {
      version: '1.5.0',
      checksum: other,
      state: 'mismatch',
    })
    const [violation, ...more] = await violationsOf(plane)
    assert.deepEqual(more, [])
    assert.partialDeepStrictEqual(violation, {
      node_id: web.node_id,
      node_hostname: 'web',
      record: {
        type: 'binary',
        path: 'plexd 1.5.0 linux/amd64',
        expected_checksum: good,
        actual_checksum: other,
      },
    })
    const metrics = await (await fetch(`${plane.url}/metrics`)).text()
    assert.match(metrics, /^plexd_node_binaries\{state="mismatch"\} 1$/m)
    assert.match(metrics, /^plexd_integrity_violations_total\{type="binary"\} 1$/m)
  })

  it('is unknown, and nothing to be told, while nobody has said what its version is', async () => {
    await using plane = await startControlPlane()
    const [web, arm] = [
      await plane.enrol('web', { reported: amd64 }),
      await plane.enrol('arm', { reported: { os: 'linux', arch: 'arm64' } }),
    ]
    await beat(web, other, '1.4.0')
    await beat(arm, other)
    await upload(plane)
    assert.deepEqual([await stateOf(plane), await stateOf(plane, 'arm')], ['unknown', 'unknown'])
    assert.deepEqual(await violationsOf(plane), [])
  })

  it('is judged again when a build is uploaded, trusted, distrusted or removed', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web', { reported: amd64 })
    await beat(web, other)
    assert.equal(await stateOf(plane), 'unknown')
    await upload(plane)
    assert.equal(await stateOf(plane), 'mismatch')
    const params = { ...build, checksum: other.toUpperCase().replace('SHA256:', '') }
    const { status, body } = await plane.admin.trustBuild({ body: params })
    assert.deepEqual([status, body.checksum], [201, other])
    assert.deepEqual((await plane.admin.trustBuild({ body: params })).body, body)
    assert.equal(await stateOf(plane), 'verified')
    assert.deepEqual((await plane.admin.listTrustedBuilds({})).body.items, [body])
    await plane.admin.distrustBuild({ params })
    assert.equal(await stateOf(plane), 'mismatch')
    await assert.rejects(plane.admin.distrustBuild({ params }), isError(404, /no trusted build/))
    await plane.admin.deleteArtifact({ params: build })
    assert.equal(await stateOf(plane), 'unknown')
    assert.equal((await violationsOf(plane)).length, 2)
  })

  it('may be announced as capabilities by nodes whose heartbeats are empty, with a bare checksum', async () => {
    await using plane = await startControlPlane()
    await upload(plane)
    const go = await plane.enrol('web', { userAgent: 'plexd/1.5.0' })
    const bare = good.replace('sha256:', '')
    const body = { binary: { version: '1.5.0', checksum: bare } }
    await go.api.putCapabilities({ params: go, body })
    await beat(go, '', '')
    assert.equal(await stateOf(plane), 'verified')
  })

  it('is still a mismatch after a restart, and not told again', async () => {
    await inFolder(async (folder) => {
      const web = await withControlPlane(folder, async (plane) => {
        const node = await plane.enrol('web', { reported: amd64 })
        await upload(plane)
        await beat(node, other)
        return node
      })
      await withControlPlane(folder, async (plane) => {
        assert.equal(await stateOf(plane), 'mismatch')
        await beat(again(plane, web), other)
        assert.equal((await violationsOf(plane)).length, 1)
      })
    })
  })

  it('is told after a restart if a crash came between judging and telling', async () => {
    await inFolder(async (folder) => {
      const web = await withControlPlane(folder, async (plane) => {
        const node = await plane.enrol('web', { reported: amd64 })
        await upload(plane)
        const mismatch = { version: '1.5.0', checksum: other, state: 'mismatch' as const }
        await plane.app.store.write((tx) =>
          writeNodeBinary(tx, node.node_id, { ...mismatch, sinceMs: 1, told: false }),
        )
        return node
      })
      await withControlPlane(folder, async (plane) => {
        const node = again(plane, web)
        await beat(node, other)
        await beat(node, other)
        assert.equal((await violationsOf(plane)).length, 1)
      })
    })
  })

  it('cannot be trusted by another name than that of a build, nor by who may only read', async () => {
    await using plane = await startControlPlane()
    const trust = (params: object) =>
      plane.admin.trustBuild({ body: { ...build, checksum: good, ...params } })
    await assert.rejects(trust({ checksum: 'abc' }), isError(400, /^checksum "abc": want/))
    await assert.rejects(trust({ version: 'new' }), isError(400, /^version "new": want/))
    await assert.rejects(trust({ os: '.hidden' }), isError(400, /^os ".hidden": want/))
    const { body } = await plane.admin.createAdminToken({ body: { name: 'bob', role: 'viewer' } })
    const answer = await fetch(`${plane.url}/admin/v1/trusted-builds`, {
      method: 'POST',
      headers: { authorization: `Bearer ${body.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ ...build, checksum: good }),
    })
    assert.equal(answer.status, 403)
  })
})

describe('the violations of a tenant', () => {
  it('are those that nodes have reported too, page by page, with names', async () => {
    await using plane = await startControlPlane()
    const [web, db] = [await plane.enrol('web'), await plane.enrol('db')]
    for (const node of [web, db])
      await node.api.reportViolation({
        params: node,
        body: { type: 'hook', path: '/etc/plexd/hooks.d/backup', detail: 'it was rewritten' },
      })
    await plane.admin.removeNode({ params: { node: 'db' } })
    const first = (await plane.admin.listViolations({ query: { limit: '1' } })).body
    assert.equal(first.next !== null, true)
    const { body: rest } = await plane.admin.listViolations({ query: { after: first.next ?? '' } })
    assert.deepEqual(
      [...first.items, ...rest.items].map(({ node_hostname, record }) => [
        node_hostname,
        record.type,
        record.detail,
      ]),
      [
        ['web', 'hook', 'it was rewritten'],
        ['db', 'hook', 'it was rewritten'],
      ],
    )
    const { body: none } = await plane.admin.listViolations({
      query: { since: '2999-01-01T00:00:00Z' },
    })
    assert.deepEqual(none.items, [])
  })
})

/** The same node, with a control plane that has started again elsewhere. */
function again(plane: TestControlPlane, node: EnrolledNode): EnrolledNode {
  return { ...node, api: plane.clientFor(node.token) }
}

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-integrity-'))
  try {
    await run(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}
