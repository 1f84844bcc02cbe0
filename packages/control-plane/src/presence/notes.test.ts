import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startControlPlane, type TestControlPlane } from '../testing/harness.ts'

describe('what is remembered of nodes', () => {
  it('goes with the node, and none is kept of one that has left', async () => {
    await using plane = await startControlPlane()
    for (let round = 0; round < 3; round++) {
      for (const leave of [deregister, remove]) {
        const { node_id } = await leave(plane, async (nodeId) => {
          noteAll(plane, nodeId)
          assert.deepEqual(counts(plane), [1, 1, 1])
        })
        assert.deepEqual(counts(plane), [0, 0, 0])
        // The end of a request that was under way.
        noteAll(plane, node_id)
        assert.deepEqual(counts(plane), [0, 0, 0])
      }
    }
  })

  it('is taken away when there is nothing to say any more', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web')
    const report = (public_endpoint: string) =>
      web.api.putEndpoint({ params: web, body: { public_endpoint } })
    const { endpointsLeftOut } = plane.app.notes

    await report('127.0.0.300:1')
    assert.match(endpointsLeftOut.of(web.node_id) ?? '', /^public_endpoint "127\.0\.0\.300:1"/)
    await report('203.0.113.1:1')
    assert.equal(endpointsLeftOut.count(), 0)
  })
})

type Meanwhile = (nodeId: string) => Promise<void>

async function deregister(plane: TestControlPlane, meanwhile: Meanwhile) {
  const node = await plane.enrol('web')
  await meanwhile(node.node_id)
  await node.api.deregister({ params: node })
  return node
}

async function remove(plane: TestControlPlane, meanwhile: Meanwhile) {
  const node = await plane.enrol('web')
  await meanwhile(node.node_id)
  await plane.admin.removeNode({ params: { node: 'web' } })
  return node
}

function noteAll({ app }: TestControlPlane, nodeId: string): void {
  app.notes.lostReportAnswers.put(nodeId, 'digest')
  app.notes.endpointsLeftOut.put(nodeId, 'local_endpoints[0]')
  app.notes.reportsLeftOut.put(nodeId, 1)
}

function counts({ app }: TestControlPlane): number[] {
  const { lostReportAnswers, endpointsLeftOut, reportsLeftOut } = app.notes
  return [lostReportAnswers, endpointsLeftOut, reportsLeftOut].map((notes) => notes.count())
}
