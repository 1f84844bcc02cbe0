import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Capabilities } from '@plexd/protocol'
import { isError } from '../../testing/is-error.ts'
import { openControlPlane } from '../../testing/open-control-plane.ts'

const capabilities: Capabilities = {
  binary: { version: '1.4.2', checksum: 'sha256:a1b2c3d4e5f6' },
  builtin_actions: [
    {
      name: 'service.restart',
      description: 'Restart a service',
      parameters: [{ name: 'unit', type: 'string', required: true }],
    },
  ],
  hooks: [
    {
      name: 'backup',
      description: 'Run a backup',
      source: 'script',
      checksum: 'sha256:1234',
      parameters: null,
      timeout: '300s',
      sandbox: 'namespaced',
    },
  ],
}

describe('PUT /v1/nodes/{node_id}/capabilities', () => {
  const plane = openControlPlane()

  it('replaces what an operator is shown', async () => {
    const node = await plane.enrol('web-01', { capabilities: { binary: { version: '1.0.0' } } })
    const { status, body } = await node.api.putCapabilities({ params: node, body: capabilities })
    assert.deepEqual([status, body], [200, {}])
    const shown = await plane.admin.getNode({ params: { node: node.node_id } })
    assert.deepEqual(shown.body.capabilities, capabilities)
    assert.equal(shown.body.version, '1.4.2')
  })

  it('takes lists that are null', async () => {
    const node = await plane.enrol('web-02')
    const body = { builtin_actions: null, hooks: null }
    assert.equal((await node.api.putCapabilities({ params: node, body })).status, 200)
  })

  it('refuses with 400 what is of the wrong type', async () => {
    const node = await plane.enrol('web-03')
    const body = { hooks: [{ description: 'no name' }] } as unknown as Capabilities // wrong on purpose
    await assert.rejects(
      node.api.putCapabilities({ params: node, body }),
      isError(400, /^hooks\[0\] has no "name"/),
    )
  })

  it('answers 401, 403 and 404 to the wrong caller', async () => {
    const [a, b] = [await plane.enrol('a'), await plane.enrol('b')]
    const call = (token: string, node_id: string) =>
      plane.clientFor(token).putCapabilities({ params: { node_id }, body: {} })
    await assert.rejects(call('nobody', a.node_id), isError(401, 'unauthorized'))
    await assert.rejects(call(a.token, b.node_id), isError(403, /another node/))
    await assert.rejects(call(a.token, 'n_nobody'), isError(404, 'unknown node'))
  })
})
