import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { changeNode } from '../changes/nodes.ts'
import { startControlPlane } from '../testing/harness.ts'
import { markOnline } from './status.ts'

describe('the life of a node', () => {
  it('comes and goes without policies being worked out anew', async (t) => {
    await using plane = await startControlPlane()
    await plane.admin.putPolicy({
      params: { name: 'web-to-db' },
      body: { name: 'web-to-db', rules: [{ from: 'role=web', to: 'role=db', action: 'allow' }] },
    })
    for (let count = 0; count < 10; count++)
      await plane.enrol(`node-${count}`, { metadata: { role: count % 2 === 0 ? 'web' : 'db' } })
    const { app } = plane
    const nodes = [...app.fleet.allNodes()]
    const tenantId = nodes[0]?.tenant_id ?? ''
    const mesh = app.fleet.mesh(tenantId)
    const members = t.mock.method(mesh, 'members')
    const head = app.heads.last()

    for (const { id } of nodes) {
      for (const status of ['unreachable', 'offline'] as const) {
        await app.change(async (unit) => {
          const node = unit.fleet.node(id)
          if (node) await changeNode(unit, { ...node, status })
        })
      }
      await markOnline(app, id)
    }

    assert.equal(members.mock.callCount(), 0)
    assert.equal(app.fleet.mesh(tenantId), mesh)
    const events = await app.store.reader
      .selectFrom('events')
      .select('event_type')
      .where('seq', '>', head)
      .execute()
    assert.equal(events.length, 3 * nodes.length)
    assert.deepEqual(
      new Set(events.map(({ event_type }) => event_type)),
      new Set(['peer_endpoint_changed', 'peer_removed', 'peer_added']),
    )
  })
})
