import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { failure } from '../../testing/admin-server.ts'
import { startBench } from '../../testing/run.ts'
import { anExecution, aPage } from '../../testing/samples.ts'
import { turnUntil } from '../../testing/turn-until.ts'

const start = 'POST /admin/v1/nodes/web-01/executions'
const poll = 'GET /admin/v1/executions/exec_1?wait=5s'
const pollAtTerminal = 'GET /admin/v1/executions/exec_1?wait=1s'

/** The answer to the request. */
const asked = (changes: Parameters<typeof anExecution>[0] = {}, warnings: string[] = []) => ({
  ...anExecution(changes),
  warnings,
})

describe('action run', () => {
  it('starts an execution and says how to see it', async () => {
    await using bench = await startBench({ [start]: asked() })

    const params = ['--param', 'unit=nginx', '--param', 'force=a=b', '--timeout', '1m']
    const { stdout } = await bench.run(['action', 'run', 'web-01', 'service.restart', ...params])

    assert.equal(stdout, 'started exec_1; see "plexctl action show exec_1"\n')
    assert.deepEqual(bench.server.requests[0]?.body, {
      action: 'service.restart',
      parameters: { unit: 'nginx', force: 'a=b' },
      timeout: '1m',
    })
  })

  it('says on stderr what the control plane warns of, also before it waits', async () => {
    const warnings = ['the node ends it after 10m0s']
    const ended = anExecution({ status: 'success' })
    await using bench = await startBench({ [start]: asked({}, warnings), [poll]: ended })
    for (const flags of [[], ['--wait']]) {
      const { stderr } = await bench.run(['action', 'run', 'web-01', 'ping', ...flags])
      assert.equal(stderr, 'warning: the node ends it after 10m0s\n')
    }
  })

  it('waits for the end and prints what the node said', async () => {
    const ended = anExecution({
      status: 'success',
      exit_code: 0,
      stdout: 'pong\n',
      duration: '2ms',
    })
    await using bench = await startBench({ [start]: asked(), [poll]: ended })

    const { stdout, stderr } = await bench.run(['action', 'run', 'web-01', 'ping', '--wait'])

    assert.match(stdout, /^status: {7}success$/m)
    assert.match(stdout, /^exit code: {4}0$/m)
    assert.match(stdout, /^node: {9}web-01 \(n_web\)$/m)
    assert.match(stdout, /stdout:\npong\n$/)
    assert.equal(stderr, '')
  })

  it('asks again until the execution has ended, and shows progress at a terminal', async () => {
    const accepted = anExecution({ status: 'accepted' })
    const ended = anExecution({ status: 'success', exit_code: 0 })
    const queued = anExecution({ status: 'queued', ahead: 2 })
    await using bench = await startBench({
      [start]: queued,
      [pollAtTerminal]: [anExecution(), accepted, accepted, ended],
    })

    const running = bench.run(['action', 'run', 'web-01', 'ping', '--wait', '--json'], {
      tty: true,
    })
    await turnUntil(bench.clock, running)
    const { stdout, stderr } = await running

    assert.deepEqual(JSON.parse(stdout), ended)
    const shown = ['queued behind 2, 0s', 'sent, \\d+s', 'running \\d+s', 'running \\d+s']
    assert.match(
      stderr,
      new RegExp(shown.map((stage) => `ping: ${stage} \\(exec_1\\)`).join('.*'), 's'),
    )
    assert.ok(stderr.endsWith('\r\u001b[K'), 'the progress line is gone at the end')
  })

  it('says when it has to wait for others of its node', async () => {
    await using bench = await startBench({ [start]: asked({ status: 'queued', ahead: 7 }) })
    const { stdout } = await bench.run(['action', 'run', 'web-01', 'ping', '--expires', '2h'])
    assert.equal(stdout, 'queued exec_1, 7 before it; see "plexctl action show exec_1"\n')
    assert.deepEqual(bench.server.requests[0]?.body, { action: 'ping', expires: '2h' })
  })

  for (const status of [
    'failure',
    'timeout',
    'cancelled',
    'rejected',
    'expired',
    'lost',
  ] as const) {
    it(`fails with exit code 1 when the execution ends with ${status}`, async () => {
      const ended = anExecution({ status, reason: 'no such unit' })
      await using bench = await startBench({ [start]: asked(), [poll]: ended })

      await assert.rejects(bench.run(['action', 'run', 'web-01', 'ping', '--wait', '--json']), {
        exitCode: 1,
        message: `run action "ping": execution "exec_1" ended with "${status}": no such unit`,
        stdout: `${JSON.stringify(ended, null, 2)}\n`,
      })
    })
  }

  it('goes on waiting over a short absence of the control plane', async () => {
    const ended = anExecution({ status: 'success' })
    await using bench = await startBench({
      [start]: asked(),
      [poll]: [failure(503, 'stopping'), (_, response) => response.destroy(), ended],
    })

    const running = bench.run(['action', 'run', 'web-01', 'ping', '--wait'])
    await turnUntil(bench.clock, running)

    assert.match((await running).stdout, /status: {7}success/)
  })

  it('gives up waiting after six failures, and says that the execution may go on', async () => {
    await using bench = await startBench({
      [start]: asked(),
      [poll]: failure(503, 'stopping'),
    })

    const running = bench.run(['action', 'run', 'web-01', 'ping', '--wait'])
    const failed = assert.rejects(running, {
      message: 'wait for execution "exec_1", which may go on',
      exitCode: 1,
    })
    await turnUntil(bench.clock, failed)
    await failed

    assert.equal(bench.server.lines().filter((line) => line === poll).length, 6)
  })

  it('does not wait for an execution that is unknown', async () => {
    await using bench = await startBench({ [start]: asked(), [poll]: failure(404, 'gone') })

    await assert.rejects(bench.run(['action', 'run', 'web-01', 'ping', '--wait']), { exitCode: 1 })
    assert.deepEqual(bench.server.lines(), [start, poll])
  })
})

describe('action list', () => {
  it('shows the executions of a node', async () => {
    await using bench = await startBench({
      'GET /admin/v1/nodes/web-01/executions?limit=500': aPage([
        anExecution({ status: 'failure', exit_code: 3, duration: '2.34s' }),
        anExecution({ id: 'exec_0' }),
      ]),
    })

    const { stdout } = await bench.run(['action', 'list', 'web-01'])

    assert.match(stdout, /^exec_1 {2}ping {4}failure {2}3 {5}2\.34s {5}5m$/m)
    assert.match(stdout, /^exec_0 {2}ping {4}pending {2}- {5}- {9}5m$/m)
  })
})

describe('action list --status', () => {
  it('shows those with the status, and what it does not say', async () => {
    await using bench = await startBench({
      'GET /admin/v1/nodes/web-01/executions?limit=500&status=accepted': aPage([
        anExecution({ status: 'accepted', cancel_requested_at: '2025-01-15T10:30:00Z' }),
      ]),
    })
    const { stdout } = await bench.run(['action', 'list', 'web-01', '--status', 'accepted'])
    assert.match(stdout, /^exec_1 {2}ping {4}accepted \(cancelling\) {2}/m)
  })

  it('refuses one that there is not', async () => {
    await using bench = await startBench({})
    const running = bench.run(['action', 'list', 'web-01', '--status', 'gone'])
    await assert.rejects(running, /'gone' is invalid. Allowed choices are queued, pending/)
  })
})

describe('action cancel', () => {
  it('says what happens', async () => {
    const message = 'the node was told to end it'
    await using bench = await startBench({
      'POST /admin/v1/executions/exec_1/cancel': { ...anExecution(), message },
    })
    const { stdout } = await bench.run(['action', 'cancel', 'exec_1'])
    assert.equal(stdout, 'exec_1: the node was told to end it\n')
  })
})

describe('action show', () => {
  it('prints the object of the API', async () => {
    await using bench = await startBench({ 'GET /admin/v1/executions/exec_1': anExecution() })

    const { stdout } = await bench.run(['action', 'show', 'exec_1', '--json'])

    assert.deepEqual(JSON.parse(stdout), anExecution())
  })
})
