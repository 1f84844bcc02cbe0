import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { NodeRecord } from '../../mesh/fleet.ts'
import { startControlPlane, type TestControlPlane } from '../../testing/harness.ts'
import { aNode } from '../../testing/node-record.ts'
import { loadFleet } from './load-fleet.ts'
import { insertNode, putNode } from './nodes.ts'

/** Another value for each field that may change. */
const changes: Omit<NodeRecord, 'no' | 'id' | 'tenant_id'> = {
  hostname: 'db-01',
  mesh_ip: '10.100.7.7',
  public_key: 'another key',
  key_epoch: 7,
  key_changed_at: 7,
  token_hash: 'another token',
  nsk_hash: 'another NSK',
  next_token_hash: 'the next token',
  next_nsk_hash: 'the next NSK',
  labels: JSON.parse('{"env":"prod","__proto__":"x"}'),
  reported: { kernel: '6.1' },
  endpoint: '203.0.113.7:51820',
  nat_type: 'full_cone',
  local_endpoints: ['10.0.0.7:51820'],
  endpoint_untold: true,
  user_agent: 'plexd/1.4.2',
  is_go: true,
  status: 'unreachable',
  rotate_keys: true,
}

describe('putNode', () => {
  it('leaves in the row what it puts into the fleet, whichever field is another', async () => {
    await using plane = await startControlPlane()
    const { node_id } = await plane.enrol('web-01')

    for (const [field, value] of Object.entries(changes)) {
      // What follows from another field is not changed alone.
      if (field === 'is_go') continue
      const other = field === 'user_agent' ? { user_agent: value, is_go: true } : { [field]: value }
      await change(plane, node_id, other as Partial<NodeRecord>) // as the table above has them

      assert.deepEqual(await onDisk(plane, node_id), plane.app.fleet.node(node_id))
    }
    const { no, id, tenant_id, ...rest } = (await onDisk(plane, node_id)) ?? aNode(0)
    assert.deepEqual(rest, changes)
  })

  it('writes no column that is as it was: it may be in an index', async () => {
    await using plane = await startControlPlane()
    const { node_id } = await plane.enrol('web-01')
    await plane.app.store.write((tx) =>
      tx.updateTable('nodes').set({ hostname: 'untouched' }).execute(),
    )

    await change(plane, node_id, { status: 'offline' })

    const { hostname, status } = (await onDisk(plane, node_id)) ?? aNode(0)
    assert.deepEqual([hostname, status], ['untouched', 'offline'])
  })

  it('puts no node that is not there', async () => {
    await using plane = await startControlPlane()
    await assert.rejects(
      plane.app.change((unit) => putNode(unit, aNode(1))),
      /put node "n_1": it is not in the fleet/,
    )
  })
})

describe('insertNode', () => {
  it('leaves in the row what it puts into the fleet', async () => {
    await using plane = await startControlPlane()
    const { node_id } = await plane.enrol('web-01', { reported: { kernel: '6.1' } })
    const { tenant_id } = plane.app.fleet.node(node_id) ?? aNode(0)
    const node = await plane.app.change((unit) =>
      insertNode(unit, {
        id: 'n_2',
        tenant_id,
        hostname: 'go-01',
        mesh_ip: '10.100.7.7',
        public_key: 'key',
        token_hash: 'token',
        nsk_hash: 'NSK',
        nsk_sealed: 'sealed',
        nsk_format: 'raw32',
        labels: { env: 'prod' },
        reported: {},
        capabilities: null,
        user_agent: 'plexd/1.4.2',
      }),
    )
    assert.equal(node.is_go, true)
    for (const id of [node_id, 'n_2'])
      assert.deepEqual(await onDisk(plane, id), plane.app.fleet.node(id))
  })
})

async function change(
  { app }: TestControlPlane,
  id: string,
  part: Partial<NodeRecord>,
): Promise<void> {
  await app.change(async (unit) => {
    const node = unit.fleet.node(id)
    if (node) await putNode(unit, { ...node, ...part })
  })
}

async function onDisk({ app }: TestControlPlane, id: string): Promise<NodeRecord | undefined> {
  return (await loadFleet(app.store.reader, app.clock.now())).node(id)
}
