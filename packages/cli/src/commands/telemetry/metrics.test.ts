import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { MetricSeries, NodeProgramMetrics } from '@plexd/protocol'
import { startBench } from '../../testing/run.ts'

describe('metrics', () => {
  it('lists what nodes measure, with units', async () => {
    await using bench = await startBench()
    const { stdout } = await bench.run(['metrics', 'list'])
    assert.match(stdout, /^node_resources\.cpu_percent +gauge +percent +CPU time in use/m)
  })

  it('lists what programs on nodes send, and what is left out of it', async () => {
    const node: NodeProgramMetrics = {
      node_id: 'n_web',
      node_hostname: 'web-01',
      metrics: [
        {
          group: 'shop',
          name: 'shop.orders_total',
          type: 'counter',
          unit: 'count',
          series: 4,
          labels: { shop: ['a', 'b', 'c', 'd'] },
          last_at: '2025-01-15T10:29:00.000Z',
        },
      ],
      left_out: {
        values: 7,
        series: 'shop.x',
        limit: 'node_program_series',
        at: '2025-01-15T10:29:00.000Z',
      },
    }
    await using bench = await startBench({
      'GET /admin/v1/metrics/programs?limit=500&node=web-01': { items: [node], next: null },
    })
    const { stdout, stderr } = await bench.run(['metrics', 'list', 'web-01'])
    assert.match(stdout, /^web-01 +shop\.orders_total +counter +count +4 +60s +shop=a,b,c,\.\.\.$/m)
    assert.match(stderr, /^web-01: 7 values left out, .* of shop\.x: .*node_program_series\)$/m)
    const { stdout: json } = await bench.run(['metrics', 'list', 'web-01', '--json'])
    assert.deepEqual(JSON.parse(json), [node])
  })

  it('shows one over time, with its unit, for each peer', async () => {
    const answer: MetricSeries = {
      name: 'tunnel_health.rx_bytes',
      unit: 'bytes per second',
      help: '',
      agg: 'max',
      step_seconds: 3_600,
      series: [
        {
          node_id: 'n_web',
          node_hostname: 'web-01',
          peer_id: 'n_db',
          peer_hostname: '',
          labels: { code: '200' },
          points: [{ at: '2025-01-15T10:00:00.000Z', value: 2048 }],
        },
      ],
    }
    await using bench = await startBench({
      'GET /admin/v1/metrics/query?name=rx_bytes&selector=*&since=2025-01-14T10%3A30%3A00.000Z&step=1h&agg=max':
        answer,
    })
    const argv = [
      'metrics',
      'query',
      'rx_bytes',
      '-l',
      '*',
      '--since',
      '1d',
      '--step',
      '1h',
      '--agg',
      'max',
    ]
    const { stdout } = await bench.run(argv)
    assert.match(stdout, /^2025-01-15T10:00:00\.000Z +web-01 to n_db \{code="200"\} +2 KiB\/s$/m)
    assert.deepEqual(JSON.parse((await bench.run([...argv, '-o', 'json'])).stdout), answer)
  })
})
