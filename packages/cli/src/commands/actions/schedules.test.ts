import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startBench } from '../../testing/run.ts'
import { aPage, aSchedule } from '../../testing/samples.ts'

const turn = {
  due_at: '2025-01-15T10:00:00.000Z',
  outcome: 'started' as const,
  reason: 'it started 5m0s late',
  missed: 3,
  run_id: 'run_1',
  at: '2025-01-15T10:05:00.000Z',
}

describe('action schedule', () => {
  it('creates one, and says when it is due', async () => {
    await using bench = await startBench({ 'POST /admin/v1/schedules': aSchedule() })
    const when = ['--cron', '@hourly', '--time-zone', 'Europe/Berlin', '--start-within', '5m']
    const what = ['--selector', 'env=prod', '--param', 'a=b', '--max-parallel', '3']

    const { stdout } = await bench.run([
      'action',
      'schedule',
      'create',
      'check',
      'ping',
      ...when,
      ...what,
    ])

    assert.equal(stdout, 'created "check"; it is due next at 2025-01-15T11:00:00.000Z\n')
    assert.deepEqual(bench.server.requests[0]?.body, {
      name: 'check',
      cron: '@hourly',
      time_zone: 'Europe/Berlin',
      start_within: '5m',
      enabled: true,
      selector: 'env=prod',
      action: 'ping',
      parameters: { a: 'b' },
      max_parallel: 3,
    })
  })

  it('shows on stderr what is odd about one', async () => {
    const created = { ...aSchedule(), warnings: ['a run would be refused now: because'] }
    await using bench = await startBench({ 'POST /admin/v1/schedules': created })
    const argv = ['action', 'schedule', 'create', 'check', 'ping', '--cron', '@hourly']
    const { stdout, stderr } = await bench.run([...argv, '--selector', '*'])
    assert.match(stdout, /^created "check"/)
    assert.equal(stderr, 'warning: a run would be refused now: because\n')
  })

  it('lists them, with the next time and what became of the last', async () => {
    const list = 'GET /admin/v1/schedules?limit=500'
    const off = aSchedule({ name: 'off', enabled: false, next_run_at: null })
    await using bench = await startBench({ [list]: aPage([aSchedule({ last: [turn] }), off]) })
    const { stdout } = await bench.run(['action', 'schedule', 'list'])
    assert.match(
      stdout,
      /^check {2}ping {4}@hourly UTC {2}2025-01-15T11:00:00\.000Z {2}started 30m ago$/m,
    )
    assert.match(stdout, /^off {4}ping {4}@hourly UTC {2}disabled {18}-$/m)
  })

  it('shows one with the last times that it was due', async () => {
    const get = 'GET /admin/v1/schedules/check'
    await using bench = await startBench({ [get]: aSchedule({ last: [turn] }) })
    const { stdout } = await bench.run(['action', 'schedule', 'show', 'check'])
    assert.match(stdout, /^start within: 10m0s$/m)
    assert.match(
      stdout,
      /^2025-01-15T10:00:00\.000Z {2}started {2}3 {14}run_1 {2}it started 5m0s late$/m,
    )
  })

  for (const { word, enabled, text } of [
    {
      word: 'enable',
      enabled: true,
      text: 'enabled "check"; it is due next at 2025-01-15T11:00:00.000Z\n',
    },
    { word: 'disable', enabled: false, text: 'disabled "check"\n' },
  ])
    it(`is switched: ${word}`, async () => {
      const patch = 'PATCH /admin/v1/schedules/check'
      await using bench = await startBench({ [patch]: aSchedule({ enabled }) })
      const { stdout } = await bench.run(['action', 'schedule', word, 'check'])
      assert.equal(stdout, text)
      assert.deepEqual(bench.server.requests[0]?.body, { enabled })
    })
})
