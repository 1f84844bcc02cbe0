import assert from 'node:assert/strict'
import { once } from 'node:events'
import { buffer, text } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { until } from '@plexd/runtime/testing'
import { failure } from '../../testing/admin-server.ts'
import { createFakeStreams, type FakeStreams } from '../../testing/fake-streams.ts'
import { type Bench, type RunOptions, startBench } from '../../testing/run.ts'
import { aSession } from '../../testing/samples.ts'
import { newHostKey, startSshNode } from '../../testing/ssh-node.ts'

interface Ran {
  stdout: string
  stderr: string
  exitCode: number | undefined
}

/** Runs `plexctl ssh`, which reaches the node at its own address. */
async function ssh(
  bench: Bench,
  args: readonly string[],
  { input = '', streams = createFakeStreams(), ...options }: SshOptions = {},
): Promise<Ran> {
  const output = Promise.all([text(streams.stdout), text(streams.stderr)])
  output.catch(() => undefined) // of a run that failed
  if (input === '') streams.stdin.end()
  else streams.stdin.end(input)
  try {
    const { exitCode } = await bench.run(['ssh', '--mesh', ...args], { ...options, streams })
    streams.stdout.end()
    streams.stderr.end()
    const [stdout, stderr] = await output
    return { stdout, stderr, exitCode }
  } finally {
    streams.stdout.destroy()
    streams.stderr.destroy()
  }
}

interface SshOptions extends Omit<RunOptions, 'streams'> {
  input?: string
  streams?: FakeStreams
}

describe('plexctl ssh', () => {
  it('passes output, errors and exit code of a command through, and its input', async () => {
    await using node = await startSshNode()
    await using bench = await startBench(node.replies)

    const command = ['web-01', '-l', 'deploy', '--', 'cat; echo oops >&2; exit 7']
    const ran = await ssh(bench, command, { input: 'in and out\n' })

    assert.deepEqual(ran, { stdout: 'in and out\n', stderr: 'oops\n', exitCode: 7 })
    const [request] = bench.server.requests
    assert.ok(request)
    const { public_key, ...asked } = request.body as Record<string, unknown>
    assert.deepEqual(asked, { node: 'web-01', login: 'deploy', way: 'mesh' })
    assert.deepEqual(node.logins, [{ login: 'deploy', key: public_key }])
  })

  it('gives a program its arguments as they are, and the code of its signal', async () => {
    await using node = await startSshNode()
    await using bench = await startBench(node.replies)

    const words = ['deploy@web-01', '--', 'printf', '[%s]', 'a b', "it's", '$HOME', '*']
    assert.equal((await ssh(bench, words)).stdout, "[a b][it's][$HOME][*]")
    assert.equal((await ssh(bench, ['web-01', '--', 'kill -TERM $$'])).exitCode, 128 + 15)
  })

  it('leaves to a command the options behind its first word, as ssh does', async () => {
    await using node = await startSshNode()
    await using bench = await startBench(node.replies)

    const own = ['-l', 'deploy', 'web-01', '--ttl', '5m']
    const command = ['printf', '[%s]', '-l', '-h', '--ttl', '--server', '--', '-x']
    assert.equal(
      (await ssh(bench, [...own, ...command])).stdout,
      command
        .slice(2)
        .map((word) => `[${word}]`)
        .join(''),
    )
    assert.partialDeepStrictEqual(bench.server.requests[0]?.body, { login: 'deploy', ttl: '5m' })
  })

  it('asks for what the flags say, and sends only the language of the environment', async () => {
    await using node = await startSshNode()
    await using bench = await startBench(node.replies)

    const flags = ['--ttl', '5m', '--no-record', '--record-input', '--allow-action', 'service.*']
    const env = { LANG: 'C.UTF-8', LC_TIME: 'C', SECRET: 'x' }
    await ssh(bench, ['web-01', '-l', 'deploy', ...flags, '--', 'true'], { env })

    assert.partialDeepStrictEqual(bench.server.requests[0]?.body, {
      ttl: '5m',
      record: false,
      record_input: true,
      actions: ['service.*'],
    })
    assert.deepEqual(node.env, { LANG: 'C.UTF-8', LC_TIME: 'C' })
  })

  it('has a terminal where there is one here: raw, of its size, which follows', async () => {
    await using node = await startSshNode()
    await using bench = await startBench(node.replies)
    const streams = createFakeStreams({ tty: true })
    const running = bench.run(['ssh', '--mesh', 'web-01'], { streams, env: { TERM: 'vt100' } })
    let shown = ''
    streams.stdout.on('data', (chunk) => {
      shown += chunk
    })
    await until('the shell', () => shown.includes('vt100 100x30\n'))

    Object.assign(streams.stdout, { columns: 120, rows: 40 })
    streams.stdout.emit('resize')
    await until('the new size', () => shown.includes('120x40\n'))
    streams.stdin.write('exit 3\n')

    assert.equal((await running).exitCode, 3)
    assert.deepEqual(streams.raw, [true, false])
  })

  it('loses nothing of a large output, whose reader is slow', async () => {
    await using node = await startSshNode()
    await using bench = await startBench(node.replies)
    const streams = createFakeStreams()
    const command = ['web-01', '--', 'head -c 20000000 /dev/zero']
    const running = bench.run(['ssh', '--mesh', ...command], { streams })
    streams.stdin.end()
    await once(streams.stdout, 'readable')
    assert.ok(streams.stdout.readableLength < 1_000_000)
    const all = buffer(streams.stdout)

    assert.equal((await running).exitCode, 0)
    streams.stdout.end()
    assert.equal((await all).length, 20_000_000)
  })

  it('passes a signal on to the command', async () => {
    await using node = await startSshNode()
    await using bench = await startBench(node.replies)
    const streams = createFakeStreams()
    const command = ['web-01', '--', 'trap "exit 9" INT; echo ready; while :; do sleep 0.05; done']
    const running = bench.run(['ssh', '--mesh', ...command], { streams })
    await once(streams.stdout, 'data')

    streams.signal('SIGINT')

    assert.equal((await running).exitCode, 9)
  })

  for (const [what, prepare, signals] of [
    ['the first signal where its input has ended, as that of a script', 'end', 1],
    ['a second signal', 'keep', 2],
  ] as const)
    it(`ends by ${what}`, async () => {
      await using node = await startSshNode()
      await using bench = await startBench(node.replies)
      const streams = createFakeStreams()
      const command = ['web-01', '--', 'trap "" INT HUP; echo ready; while :; do sleep 0.05; done']
      const running = bench.run(['ssh', '--mesh', ...command], { streams })
      if (prepare === 'end') streams.stdin.end()
      await once(streams.stdout, 'data')

      for (let sent = 0; sent < signals; sent++) streams.signal('SIGINT')

      assert.equal((await running).exitCode, 130)
    })

  it('ends with 255 and the reason when the session is cut', async () => {
    await using node = await startSshNode()
    await using bench = await startBench(node.replies)
    const streams = createFakeStreams()
    const running = bench.run(['ssh', '--mesh', 'web-01', '--', 'echo on; sleep 60'], { streams })
    await once(streams.stdout, 'data')

    node.cut('revoked')

    await assert.rejects(running, {
      exitCode: 255,
      message: 'web-01 (n_web): session "sess_1" has ended: it was revoked',
    })
  })

  it('refuses a node with another host key than the control plane has of it', async () => {
    await using node = await startSshNode({ announced: newHostKey().public })
    await using bench = await startBench(node.replies)

    await assert.rejects(ssh(bench, ['web-01', '--', 'true']), {
      exitCode: 255,
      message:
        /^speak SSH with web-01 \(n_web\): its host key is not the one that the control plane/,
    })
    assert.deepEqual(node.logins, [])
    assert.equal(bench.server.lines().at(-1), 'POST /admin/v1/sessions/sess_1/revoke')
  })

  it('ends with 255 where there is no such node, and says where the nodes are', async () => {
    const error = 'there is no node "mail"'
    await using bench = await startBench({ 'POST /admin/v1/sessions': failure(404, error) })

    await assert.rejects(ssh(bench, ['mail', '--', 'true']), {
      exitCode: 255,
      message: `${error}: "plexctl node list" shows those that there are`,
    })
  })

  it('waits no longer for a node than the session lasts, and says so', async () => {
    const session = aSession({ way: 'mesh', state: 'opening', expires_at: '2025-01-15T10:25:03Z' })
    await using node = await startSshNode()
    await using bench = await startBench({
      ...node.replies,
      'POST /admin/v1/sessions': { session, host_key: null, node_mesh_ip: '10.100.1.2' },
      'GET /admin/v1/sessions/sess_1?wait=3s': session,
      'GET /admin/v1/sessions/sess_1': session,
    })

    await assert.rejects(ssh(bench, ['web-01', '--ttl', '3s', '--', 'true']), {
      exitCode: 255,
      message: /^connect to web-01 \(n_web\): its time was up before it was ready; --ttl sets/,
    })
  })

  it('gives a node up that takes no bytes in a packet', async () => {
    await using node = await startSshNode({ packetBytes: 0 })
    await using bench = await startBench(node.replies)
    await assert.rejects(ssh(bench, ['web-01', '--', 'cat'], { input: 'x' }), {
      exitCode: 255,
      message: /takes 0 bytes in a packet, which is too few/,
    })
  })
})
