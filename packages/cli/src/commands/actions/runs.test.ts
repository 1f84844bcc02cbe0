import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { failure } from '../../testing/admin-server.ts'
import { startBench } from '../../testing/run.ts'
import { anExecution, aPage, aRun, aRunNode } from '../../testing/samples.ts'
import { turnUntil } from '../../testing/turn-until.ts'

const start = 'POST /admin/v1/runs'
const poll = 'GET /admin/v1/runs/run_1'
const nodes = 'GET /admin/v1/runs/run_1/nodes?limit=500'
const one = 'GET /admin/v1/executions/exec_1'
const two = 'GET /admin/v1/executions/exec_2'

const half = aRun({ counts: { running: 1, succeeded: 1 } })
const failed = aRun({
  state: 'failed',
  reason: '1 node failed',
  counts: { succeeded: 1, failed: 1 },
})
const both = [
  aRunNode(),
  aRunNode({
    node_id: 'n_db',
    node_hostname: 'db-01',
    status: 'failed',
    reason: 'exit code 3',
    execution_id: 'exec_2',
    exit_code: 3,
  }),
]
const outputs = {
  [nodes]: aPage(both),
  [one]: anExecution({ status: 'success', stdout: 'pong\n' }),
  [two]: anExecution({ id: 'exec_2', status: 'failure', stdout: 'out', stderr: 'no route' }),
}

describe('action run with a selector', () => {
  it('starts a run and says how to see it', async () => {
    await using bench = await startBench({ [start]: aRun({ counts: { running: 2 } }) })
    const flags = ['--selector', 'env=prod', '--param', 'unit=nginx', '--timeout', '1m']
    const limits = [
      '--max-parallel',
      '5',
      '--max-failures',
      '0',
      '--canary',
      '1',
      '--expires',
      '5m',
      '--run-expires',
      '2h',
      '--healthy-within',
      '9m',
    ]

    const { stdout } = await bench.run(['action', 'run', 'ping', ...flags, ...limits])

    assert.equal(
      stdout,
      'started run_1: 0 of 2 done, 2 running; see "plexctl action runs show run_1"\n',
    )
    assert.deepEqual(bench.server.requests[0]?.body, {
      selector: 'env=prod',
      action: 'ping',
      parameters: { unit: 'nginx' },
      timeout: '1m',
      max_parallel: 5,
      max_failures: 0,
      canary: 1,
      expires: '5m',
      healthy_within: '9m',
      run_expires: '2h',
    })
  })

  it('takes several nodes in place of a selector', async () => {
    await using bench = await startBench({ [start]: aRun() })
    await bench.run(['action', 'run', '--node', 'web-01', '--node', 'db-01', 'ping'])
    assert.deepEqual(bench.server.requests[0]?.body, { nodes: ['web-01', 'db-01'], action: 'ping' })
  })

  it('shows progress at a terminal, then all that each node said, and fails when one has', async () => {
    await using bench = await startBench({ ...outputs, [start]: half, [poll]: [half, failed] })

    const argv = ['action', 'run', '--selector', 'env=prod', 'ping', '--wait']
    const running = bench.run(argv, { tty: true })
    const refused = assert.rejects(running, (error: Error & { stdout: string; stderr: string }) => {
      assert.equal(error.message, 'run action "ping": run "run_1" failed: 1 node failed')
      assert.equal(
        error.stdout,
        [
          '--- web-01 (n_web): succeeded',
          'pong',
          '--- db-01 (n_db): failed: exit code 3',
          'out',
          'stderr:',
          'no route',
          'state:  failed',
          'reason: 1 node failed',
          '',
        ].join('\n'),
      )
      assert.match(error.stderr, /ping: 1 of 2 done, 1 running, \d+\w* \(run_1\)/)
      assert.ok(error.stderr.endsWith('\r\u001b[K'), 'the progress line is gone at the end')
      return true
    })
    await turnUntil(bench.clock, refused)
    await refused
  })

  it('prints the run with its nodes and their executions as JSON', async () => {
    const ended = aRun({ state: 'succeeded', counts: { succeeded: 2 } })
    await using bench = await startBench({ ...outputs, [start]: ended })
    const argv = ['action', 'run', '--selector', 'env=prod', 'ping', '--wait', '--json']

    const { stdout, stderr } = await bench.run(argv)

    assert.deepEqual(JSON.parse(stdout), {
      ...ended,
      nodes: [
        { ...both[0], execution: outputs[one] },
        { ...both[1], execution: outputs[two] },
      ],
    })
    assert.equal(stdout, `${JSON.stringify(JSON.parse(stdout), null, 2)}\n`)
    assert.equal(stderr, '')
  })

  it('goes on waiting over a short absence of the control plane', async () => {
    const ended = aRun({ state: 'succeeded' })
    const replies = [failure(503, 'stopping'), failure(503, 'stopping'), ended]
    await using bench = await startBench({ [nodes]: aPage([]), [start]: half, [poll]: replies })
    const running = bench.run(['action', 'run', '--selector', '*', 'ping', '--wait'])
    await turnUntil(bench.clock, running)
    assert.match((await running).stdout, /state: succeeded/)
  })

  for (const { argv, message } of [
    { argv: ['web-01'], message: "error: missing required argument 'action'" },
    { argv: [], message: "error: missing required argument 'node'" },
    {
      argv: ['--selector', '*', 'web-01', 'ping'],
      message:
        'error: with --selector or --node there is only an action: which of "web-01" and "ping" is it?',
    },
    {
      argv: ['web-01', 'ping', '--max-parallel', '2'],
      message: '--max-parallel is for many nodes: want --selector or --node with it',
    },
    {
      argv: ['--selector', 'a b', 'ping'],
      message: /option '--selector <selector>' argument 'a b' is invalid\. parse selector "a b"/,
    },
    {
      argv: ['--selector', '*', '--node', 'web-01', 'ping'],
      message: 'want either --selector or --node',
    },
    { argv: ['--selector', '*', 'ping', '--max-failures', '-1'], message: /Want a whole number/ },
  ])
    it(`asks for nothing when it is not clear what is meant: ${argv.join(' ')}`, async () => {
      await using bench = await startBench()
      await assert.rejects(bench.run(['action', 'run', ...argv]), { message })
      assert.deepEqual(bench.server.lines(), [])
    })
})

describe('action runs', () => {
  it('lists runs, with how far they are', async () => {
    const list = 'GET /admin/v1/runs?limit=500&state=running'
    await using bench = await startBench({ [list]: aPage([half]) })
    const { stdout } = await bench.run(['action', 'runs', 'list', '--state', 'running'])
    assert.match(stdout, /^run_1 {2}ping {4}running {2}1 of 2 done, 1 running {2}- {9}5m$/m)
  })

  it('shows a run and its nodes', async () => {
    await using bench = await startBench({ [poll]: failed, [nodes]: aPage(both) })
    const { stdout } = await bench.run(['action', 'runs', 'show', 'run_1'])
    assert.match(stdout, /^nodes: {8}2 in all, 1 succeeded, 1 failed$/m)
    assert.match(stdout, /^db-01 {3}failed {5}3 {5}exec_2 {5}exit code 3$/m)
    const { stdout: json } = await bench.run(['action', 'runs', 'show', 'run_1', '--json'])
    assert.deepEqual(JSON.parse(json), { ...failed, nodes: both })
  })

  for (const { word, answer, text } of [
    {
      word: 'pause',
      answer: { ...half, state: 'paused' },
      text: 'paused run_1: 1 of 2 done, 1 running; paused\n',
    },
    { word: 'resume', answer: half, text: 'running run_1: 1 of 2 done, 1 running\n' },
    {
      word: 'cancel',
      answer: { ...half, reason: 'an operator cancelled it' },
      text: 'cancelling run_1: 1 of 2 done, 1 running; an operator cancelled it\n',
    },
  ])
    it(`says what has become of it: ${word}`, async () => {
      await using bench = await startBench({ [`POST /admin/v1/runs/run_1/${word}`]: answer })
      const { stdout } = await bench.run(['action', 'runs', word, 'run_1'])
      assert.equal(stdout, text)
    })

  it('retries, and waits', async () => {
    const retry = 'POST /admin/v1/runs/run_1/retry'
    const again = aRun({ id: 'run_2', state: 'succeeded', counts: { succeeded: 2 } })
    const page = 'GET /admin/v1/runs/run_2/nodes?limit=500'
    await using bench = await startBench({ [retry]: again, [page]: aPage([]) })
    const argv = ['action', 'runs', 'retry', 'run_1', '--unfinished', '--wait']
    assert.equal((await bench.run(argv)).stdout, 'state: succeeded\n')
    assert.deepEqual(bench.server.requests[0]?.body, { unfinished: true })
  })
})
