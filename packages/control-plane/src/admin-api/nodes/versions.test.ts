import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { HeartbeatRequest } from '@plexd/protocol'
import { isError } from '../../testing/is-error.ts'
import { openControlPlane } from '../../testing/open-control-plane.ts'

const checksum = `sha256:${'ab'.repeat(32)}`

describe('GET /admin/v1/versions', () => {
  const plane = openControlPlane()
  const enrol = async (
    hostname: string,
    version: string,
    { metadata = {}, ...said }: HeartbeatRequest & { metadata?: Record<string, string> } = {},
  ) => {
    const node = await plane.enrol(hostname, { metadata })
    const body = { status: 'healthy', version, binary_checksum: checksum, ...said }
    await node.api.heartbeat({ params: node, body })
  }

  it('counts the nodes of a version, with how their upgrades went', async () => {
    const at = '2025-01-15T10:30:00Z'
    const reason = `no \u001b[31mheartbeat${'!'.repeat(10_000)}`
    const upgrade = { version: '1.6.0', from: '1.5.0', status: 'rolled_back' as const, reason, at }
    await enrol('a', '1.5.0', { upgrade, metadata: { env: 'prod' } })
    await enrol('b', '1.5.0')
    await enrol('c', '1.6.0', { upgrade: { ...upgrade, status: 'confirmed', reason: '' } })
    await plane.enrol('d')

    const { body } = await plane.admin.listVersions({ query: {} })
    assert.equal(body.newest, '1.6.0')
    assert.deepEqual(
      body.items.map(({ version, nodes, behind, unknown, rolled_back }) => [
        version,
        nodes,
        behind,
        unknown,
        rolled_back,
      ]),
      [
        ['1.6.0', 1, false, 1, 0],
        ['1.5.0', 2, true, 2, 1],
        ['', 1, false, 1, 0],
      ],
    )
    const some = await plane.admin.listVersions({ query: { selector: 'env=prod' } })
    assert.deepEqual(
      some.body.items.map(({ version, nodes }) => [version, nodes]),
      [['1.5.0', 1]],
    )
    const { body: node } = await plane.admin.getNode({ params: { node: 'a' } })
    assert.partialDeepStrictEqual(node.upgrade, { status: 'rolled_back', from: '1.5.0' })
    assert.equal((node.upgrade?.reason.length ?? 0) < 1_000, true)
    assert.equal(node.upgrade?.reason.includes('\u001b'), false)
  })

  it('refuses a selector that is none', async () => {
    await assert.rejects(plane.admin.listVersions({ query: { selector: '=' } }), isError(400, /=/))
  })
})
