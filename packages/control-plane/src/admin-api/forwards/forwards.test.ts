import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { aNode } from '../../testing/node-record.ts'
import { openControlPlane } from '../../testing/open-control-plane.ts'
import { nodeFamilies } from './node-metrics.ts'
import { targetOf } from './prometheus-targets.ts'

describe('metrics of all nodes', () => {
  const plane = openControlPlane()

  it('are there for Prometheus, for who has a token', async () => {
    const web = await plane.enrol('web')
    const source = { tenant_id: plane.app.firstTenantId, node_id: web.node_id }
    const record = (data: object, at = Date.now()) =>
      JSON.stringify({ timestamp: new Date(at).toISOString(), group: 'node_resources', data })
    await plane.app.telemetry.append({
      kind: 'metrics',
      source,
      records: [record({ load_1: 3 }, Date.now() - 10 * 60_000), record({ cpu_percent: 50 })],
    })
    assert.equal((await fetch(`${plane.url}/metrics/nodes`)).status, 401)
    const answer = await fetch(`${plane.url}/metrics/nodes`, {
      headers: { authorization: `Bearer ${plane.adminToken}` },
    })
    assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
    const labels = `{node="web",node_id="${web.node_id}"}`
    const samples = (await answer.text()).split('\n').filter((line) => !line.startsWith('#'))
    assert.deepEqual(samples, [
      `plexd_node_up${labels} 0`,
      `plexd_node_cpu_ratio${labels} 0.5`,
      'plexd_nodes_left_out 0',
      '',
    ])
  })

  it('are of as many nodes as the limit allows', () => {
    const values = new Map([['node_resources.load_1', { value: 1, atMs: 0 }]])
    const latest = { allOf: (id: string) => (id === 'n_2' ? new Map() : values) }
    const nodes = [aNode(1), aNode(2), aNode(3)]
    const countOf = (maxSamples: number) =>
      nodeFamilies(nodes, { latest, nowMs: 0, maxSamples })
        .filter(({ name }) => ['plexd_node_up', 'plexd_nodes_left_out'].includes(name))
        .map(({ name, samples }) => (name === 'plexd_node_up' ? samples.length : samples[0]?.value))
    assert.deepEqual(
      [countOf(5), countOf(4), countOf(1)],
      [
        [3, 0],
        [2, 1],
        [1, 2],
      ],
    )
  })
})

describe('targets of Prometheus', () => {
  const plane = openControlPlane()

  it('are the nodes that listen', async () => {
    const capabilities = { metrics: { listen: '0.0.0.0:9100' } }
    const web = await plane.enrol('web', { capabilities, metadata: { 'example.com/env': 'prod' } })
    await plane.enrol('db')
    const { body } = await plane.admin.listPrometheusTargets({})
    assert.deepEqual(body, [
      {
        targets: [`${plane.app.fleet.node(web.node_id)?.mesh_ip}:9100`],
        labels: { node: 'web', node_id: web.node_id, __meta_plexd_label_example_com_env: 'prod' },
      },
    ])
  })

  it('are reached where they listen', () => {
    const node = aNode(1)
    const of = (listen: string) => targetOf(node, listen)?.targets[0]
    assert.equal(of(':9100'), '10.100.0.1:9100')
    assert.equal(of('[::]:9100'), '10.100.0.1:9100')
    assert.equal(of('192.0.2.1:9100'), '192.0.2.1:9100')
    assert.equal(of('[2001:db8::1]:9100'), '[2001:db8::1]:9100')
    for (const listen of ['127.0.0.1:9100', '[::1]:9100', 'nonsense'])
      assert.equal(of(listen), undefined)
  })
})
