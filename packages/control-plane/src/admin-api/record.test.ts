import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Log, silentLog } from '@plexd/runtime'
import { startControlPlane } from '../testing/harness.ts'

describe('what an operator changes', () => {
  it('is one line of the log: who, what, and the number that it has now', async () => {
    const lines: Record<string, unknown>[] = []
    const log: Log = {
      ...silentLog,
      info: (message, fields) => {
        if (message === 'changed by operator') lines.push(fields ?? {})
      },
    }
    await using plane = await startControlPlane({ log })
    const { admin } = plane
    const node = await plane.enrol('web-01')
    const target = { selector: '*' }
    await admin.putPolicy({ params: { name: 'web' }, body: { name: 'web', rules: [] } })
    await admin.putData({
      params: { key: 'motd' },
      body: { target, content_type: 'text/plain', payload: 'unseen' },
    })
    await admin.putSecret({ params: { key: 'db/password' }, body: { target, value: 'unseen' } })
    await admin.setNodeMetadata({ params: { node: 'web-01' }, body: { set: { env: 'unseen' } } })
    await admin.deleteData({ params: { key: 'motd' }, query: { selector: '*' } })
    await admin.addMeshRange({ body: { range: '10.101.0.0/16' } })
    await admin.removeMeshRange({ params: { range: '10.101.0.0/16' } })
    await admin.listNodes({})
    await assert.rejects(admin.deletePolicy({ params: { name: 'none' } }))

    assert.deepEqual(
      lines.map(({ operation, by }) => [operation, by]),
      [
        'putPolicy',
        'putData',
        'putSecret',
        'setNodeMetadata',
        'deleteData',
        'addMeshRange',
        'removeMeshRange',
      ].map((name) => [name, 'admin']),
    )
    const [policy, data, secret, labels, , added, removed] = lines
    assert.deepEqual([added?.range, removed?.range], ['10.101.0.0/16', '10.101.0.0/16'])
    assert.deepEqual([policy?.name, policy?.revision], ['web', 1])
    assert.deepEqual([data?.key, data?.version], ['motd', 1])
    assert.deepEqual([secret?.key, secret?.version], ['db/password', 1])
    assert.deepEqual([labels?.node, labels?.id], ['web-01', node.node_id])
    await node.api.putCapabilities({ params: node, body: { builtin_actions: [{ name: 'ping' }] } })
    await admin.runAction({ params: { node: node.node_id }, body: { action: 'ping' } })
    const { node_id, node_hostname } = lines.at(-1) ?? {}
    assert.deepEqual([node_id, node_hostname], [node.node_id, 'web-01'])
    const spec = { selector: '*', action: 'ping', parameters: { key: 'unseen' } }
    const { body: run } = await admin.createRun({ body: spec })
    await admin.cancelRun({ params: { run_id: run.id } })
    await admin.createSchedule({ body: { ...spec, name: 'nightly', cron: '@daily' } })
    await admin.changeSchedule({ params: { schedule: 'nightly' }, body: { enabled: false } })
    await admin.deleteSchedule({ params: { schedule: 'nightly' } })
    assert.deepEqual(
      lines.slice(-5).map(({ operation, id, schedule }) => [operation, schedule ?? id]),
      [
        ['createRun', run.id],
        ['cancelRun', run.id],
        ['createSchedule', lines.at(-3)?.id],
        ['changeSchedule', 'nightly'],
        ['deleteSchedule', 'nightly'],
      ],
    )
    assert.deepEqual([lines.at(-3)?.name, lines.at(-5)?.action], ['nightly', 'ping'])
    assert.doesNotMatch(JSON.stringify(lines), /unseen|plx_/)
  })
})

describe('a node that was removed', () => {
  it('still has its telemetry and its executions, by its id and by the name that it had', async () => {
    await using plane = await startControlPlane()
    const { node_id, api } = await plane.enrol('web-01')
    const drift = { timestamp: new Date().toISOString(), corrections: [{ type: 'x', detail: 'y' }] }
    await api.reportDrift({ params: { node_id }, body: drift })
    await plane.admin.removeNode({ params: { node: 'web-01' } })

    for (const node of [node_id, 'web-01']) {
      const kept = await plane.admin.listTelemetry({ params: { node, kind: 'drift' } })
      assert.equal(kept.body.items.length, 1, node)
      assert.deepEqual((await plane.admin.listExecutions({ params: { node } })).body.items, [])
    }
    const params = { node: 'never', kind: 'drift' }
    await assert.rejects(plane.admin.listTelemetry({ params }), { status: 404 })
  })
})
