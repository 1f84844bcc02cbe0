import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { TelemetryRecord } from '@plexd/protocol'
import { startBench } from '../../testing/run.ts'
import { aPage } from '../../testing/samples.ts'

const aRecord = (id: number, record: unknown): TelemetryRecord => ({
  id,
  node_id: 'n_web',
  node_hostname: 'web-01',
  received_at: '2025-01-15T10:29:00Z',
  record,
})

// The clock of the tests stands at 10:30.
const sinceAnHour = 'since=2025-01-15T09%3A30%3A00.000Z'

describe('telemetry list', () => {
  it('prints logs as lines', async () => {
    const log = {
      timestamp: '2025-01-15T10:28:59Z',
      unit: 'sshd',
      severity: 'info',
      message: 'hi\u001b[2J',
    }
    await using bench = await startBench({
      [`GET /admin/v1/nodes/web-01/telemetry/logs?limit=500&${sinceAnHour}`]: aPage([
        aRecord(1, log),
        aRecord(2, 'odd'),
      ]),
    })

    const { stdout } = await bench.run(['telemetry', 'list', 'web-01', 'logs'])

    assert.equal(stdout, '2025-01-15T10:28:59Z  sshd info: hi?[2J\n2025-01-15T10:29:00Z  "odd"\n')
  })

  it('prints other records as JSON on a line each', async () => {
    await using bench = await startBench({
      'GET /admin/v1/nodes/web-01/telemetry/drift?limit=500&since=2025-01-15T10%3A00%3A00.000Z':
        aPage([aRecord(1, { corrections: [] })]),
    })

    const { stdout } = await bench.run(['telemetry', 'list', 'web-01', 'drift', '--since', '30m'])

    assert.equal(stdout, '2025-01-15T10:29:00Z  {"corrections":[]}\n')
  })

  it('stops at the limit, over pages if need be', async () => {
    const many = Array.from({ length: 500 }, (_, id) => aRecord(id, {}))
    await using bench = await startBench({
      [`GET /admin/v1/nodes/web-01/telemetry/metrics?limit=500&${sinceAnHour}`]: aPage(many, '499'),
      [`GET /admin/v1/nodes/web-01/telemetry/metrics?limit=20&after=499&${sinceAnHour}`]: aPage(
        many.slice(0, 20),
        '519',
      ),
    })

    const argv = ['telemetry', 'list', 'web-01', 'metrics', '--limit', '520', '--json']
    const { stdout } = await bench.run(argv)

    assert.equal(JSON.parse(stdout).length, 520)
  })

  it('refuses a kind, a limit and a duration that it does not know', async () => {
    await using bench = await startBench()
    const run = (...argv: string[]) => bench.run(['telemetry', 'list', 'web-01', ...argv])

    await assert.rejects(
      run('traces'),
      /Allowed choices are metrics, logs, audit, drift, violations/,
    )
    await assert.rejects(run('logs', '--limit', '0'), /Want a whole number from 1/)
    await assert.rejects(run('logs', '--since', 'yesterday'), /parse duration "yesterday"/)
  })
})
