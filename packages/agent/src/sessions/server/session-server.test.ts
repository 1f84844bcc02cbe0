import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { until } from '@plexd/runtime/testing'
import { readTree } from '../../contain/groups/process-tree.ts'
import { runClient, startSessionBench, typeTo } from './testing/session-bench.ts'

const isRoot = process.getuid?.() === 0
type Bench = Awaited<ReturnType<typeof startSessionBench>>

describe('the session server, with clients of OpenSSH', {
  skip: !isRoot && 'needs root',
  timeout: 120_000,
}, () => {
  let bench: Bench

  before(async () => {
    bench = await startSessionBench()
  })
  after(() => bench[Symbol.asyncDispose]())

  it('runs a command as the user, and passes its output and exit code', async () => {
    const session = await bench.open()
    const { code, stdout, stderr } = await bench.ssh(session, 'id -un; pwd; echo oops >&2; exit 7')
    assert.deepEqual(
      { code, stdout, stderr },
      { code: 7, stdout: `nobody\n${bench.home}\n`, stderr: 'oops\n' },
    )
    const connected = bench.told.filter(({ type }) => type === 'connected')
    assert.deepEqual(connected, [
      { type: 'connected', session_id: session.session_id, from: '127.0.0.1' },
    ])
    const { reason, bytes_out } = await session.untilClosed()
    assert.equal(reason, 'client_closed')
    assert.equal(bytes_out, stdout.length + stderr.length)
  })

  it('gives programs the session and the language of the client, and nothing else of either side', async () => {
    const session = await bench.open()
    const options = [...bench.options(session.port), '-o', 'SetEnv=LC_ALL=C.UTF-8 LD_PRELOAD=/x']
    const { stdout } = await runClient('ssh', [...options, 'nobody@127.0.0.1', 'env'])
    const names = stdout
      .trim()
      .split('\n')
      .map((line) => line.split('=')[0])
      .sort()
    assert.deepEqual(names, [
      ...['HOME', 'LC_ALL', 'LOGNAME', 'PATH', 'PLEXD_SESSION_ID', 'PLEXD_SESSION_TOKEN'],
      ...['PWD', 'SHELL', 'SHLVL', 'USER', '_'],
    ])
  })

  it('reads what the client sends until it ends', async () => {
    const session = await bench.open()
    const args = [...bench.options(session.port), 'nobody@127.0.0.1', 'sha1sum']
    const { stdout } = await runClient('ssh', args, 'x'.repeat(3_000_000))
    assert.match(stdout, /^[0-9a-f]{40} {2}-\n$/)
    assert.equal((await session.untilClosed()).bytes_in, 3_000_000)
  })

  it('tells by which signal a program has ended', async () => {
    const session = await bench.open()
    const { code, stderr } = await bench.ssh(session, '-v', 'kill -TERM $$')
    assert.equal(code, 255)
    assert.match(stderr, /exit-signal/)
  })

  it('has a terminal as large as that of the client and with its modes, and one exit code', async () => {
    const session = await bench.open()
    const ssh = ['ssh', ...bench.options(session.port), '-tt', 'nobody@127.0.0.1']
    const remote = "'stty size; stty -a; tty; exit 3'"
    const command = `stty rows 33 cols 99 erase ^H -echoctl; ${ssh.join(' ')} ${remote}`
    const { code, stdout } = await runClient('script', ['-qec', command, '/dev/null'])
    assert.equal(code, 3)
    assert.match(stdout, /33 99\r\n/)
    assert.match(stdout, / erase = \^H;/)
    assert.match(stdout, / -echoctl /)
    assert.match(stdout, /\/dev\/pts\/\d+\r\n/)
  })

  it('starts a login shell, which gets what is typed and is interrupted by a key', async () => {
    const session = await bench.open()
    const ssh = ['ssh', ...bench.options(session.port), '-tt', 'nobody@127.0.0.1'].join(' ')
    const { code, stdout } = await typeTo(ssh, [
      ['$', 'shopt -q login_shell && echo lo""gin\n'],
      // One process, which is in the foreground when it says so: bash keeps a Ctrl-C to itself while it starts a command.
      ['login\r\n', `sh -c 'echo be""fore; exec sleep 100'\n`],
      ['before\r\n', '\x03'],
      ['^C', 'echo after $?; exit 4\n'],
    ])
    assert.match(stdout, /after 130\r\n/)
    assert.equal(code, 4)
  })

  it('resizes the terminal with that of the client', async () => {
    const session = await bench.open()
    const ssh = ['ssh', ...bench.options(session.port), '-tt', 'nobody@127.0.0.1'].join(' ')
    const ready = join(bench.home, 'ready-to-resize')
    const remote = `trap "stty size; exit" WINCH; touch ${ready}; while :; do sleep 0.05; done`
    const resize = `until [ -e ${ready} ]; do sleep 0.05; done; stty rows 11 cols 55 </dev/tty`
    const command = `(${resize}) & ${ssh} '${remote}'`
    const { stdout } = await runClient('script', ['-qec', command, '/dev/null'])
    assert.match(stdout, /11 55/)
  })

  it('copies files both ways, as the user', async () => {
    const { folder, home } = bench
    const text = 'some text\n'.repeat(100_000)
    await writeFile(join(folder, 'there'), text)
    const session = await bench.open()
    const batch = `put ${folder}/there ${home}/there\nget ${home}/there ${folder}/back\n`
    const args = ['-b', '-', ...bench.options(session.port), 'nobody@127.0.0.1']
    assert.equal((await runClient('sftp', args, batch)).code, 0)
    assert.equal(await readFile(join(folder, 'back'), 'utf8'), text)
  })

  it('copies with scp', async () => {
    const { folder, home } = bench
    await writeFile(join(folder, 'file'), 'by scp')
    const session = await bench.open()
    const args = ['-s', ...bench.options(session.port)]
    const to = `nobody@127.0.0.1:${home}/by-scp`
    assert.equal((await runClient('scp', [...args, join(folder, 'file'), to])).code, 0)
    assert.equal(await readFile(join(home, 'by-scp'), 'utf8'), 'by scp')
  })

  it('does not give out a file that only root may read', async () => {
    const session = await bench.open()
    const args = ['-b', '-', ...bench.options(session.port), 'nobody@127.0.0.1']
    const got = await runClient('sftp', args, `get /etc/shadow ${bench.folder}/shadow\n`)
    assert.equal(got.code, 1)
    assert.match(got.stderr, /Permission denied/)
  })

  it('passes output and errors through together, when neither fits', async () => {
    const session = await bench.open()
    const each = 'head -c 8000000 /dev/zero | tr "\\0"'
    const { stdout, stderr } = await bench.ssh(session, `(${each} e >&2) & ${each} o; wait`)
    assert.equal(stdout.length, 8_000_000)
    assert.equal(stderr.length, 8_000_000)
    assert.match(stdout, /^o+$/)
    assert.match(stderr, /^e+$/)
  })

  it('goes on when the client asks for new keys', async () => {
    const session = await bench.open()
    const args = [...bench.options(session.port), '-o', 'RekeyLimit=256K', 'nobody@127.0.0.1']
    const { stdout } = await runClient('ssh', [...args, 'head -c 5000000 /dev/zero | tr "\\0" x'])
    assert.equal(stdout.length, 5_000_000)
  })

  it('refuses another key, another login, and a second client', async () => {
    const session = await bench.open()
    const wrongKey = [...bench.options(session.port, { key: 'other' }), 'nobody@127.0.0.1', 'true']
    assert.match((await runClient('ssh', wrongKey)).stderr, /Permission denied/)
    const wrongLogin = [...bench.options(session.port), 'root@127.0.0.1', 'id']
    assert.match((await runClient('ssh', wrongLogin)).stderr, /Permission denied/)

    const first = bench.ssh(session, 'echo first; sleep 1.137; echo still there')
    await until('the first is there', () => hasProcess(/^sleep 1.137$/))
    assert.match((await bench.ssh(session, 'true')).stderr, /Permission denied/)
    assert.equal((await first).stdout, 'first\nstill there\n')
    await session.untilClosed()
  })

  it('forwards to what the session may reach, and says why not to anything else', async () => {
    const echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket))
    echo.listen(0, '127.0.0.1')
    await once(echo, 'listening')
    const { port } = echo.address() as { port: number } // it listens on TCP
    const forwards = async (forward: string[], target: string) => {
      const session = await bench.open({ claims: { forward, shell: false } })
      const options = bench.options(session.port, { level: 'INFO' })
      return runClient('ssh', [...options, '-W', target, 'nobody@127.0.0.1'], 'hello')
    }
    assert.equal((await forwards([`127.0.0.1:${port}`], `127.0.0.1:${port}`)).stdout, 'hello')
    assert.equal((await forwards(['*:*'], `localhost:${port}`)).stdout, 'hello')
    const other = await forwards([`127.0.0.1:${port}`], '127.0.0.1:22')
    assert.match(other.stderr, /this session may not reach it/)
    const closed = await forwards(['127.0.0.1:1'], '127.0.0.1:1')
    assert.match(closed.stderr, /ECONNREFUSED/)
    echo.close()
  })

  it('opens no port of the node, and forwards no agent and no X11', async () => {
    const session = await bench.open({ claims: { forward: ['*:*'] } })
    const options = [...bench.options(session.port), '-o', 'ExitOnForwardFailure=yes']
    const { code, stderr } = await runClient('ssh', [
      ...options,
      ...['-R', '0:127.0.0.1:1', 'nobody@127.0.0.1', 'true'],
    ])
    assert.equal(code, 255)
    assert.match(stderr, /remote port forwarding failed/)
    const asking = [
      '-A',
      '-X',
      '-R',
      '0:127.0.0.1:1',
      '-tt',
      'nobody@127.0.0.1',
      'echo "<$SSH_AUTH_SOCK$DISPLAY>"',
    ]
    const another = await bench.open({ claims: { forward: ['*:*'] } })
    const told = await runClient('env', [
      'DISPLAY=:9',
      'ssh-agent',
      'ssh',
      ...bench.options(another.port),
      ...asking,
    ])
    assert.match(
      told.stderr,
      /plexd: not forwarded here: ports of the node, (X11, your SSH agent|your SSH agent, X11)/,
    )
    assert.match(told.stdout, /<>/)
  })

  it('runs nothing in a session that is for forwards only', async () => {
    const session = await bench.open({ claims: { shell: false, forward: ['*:*'] } })
    const { code, stderr } = await bench.ssh(session, 'true')
    assert.equal(code, 126)
    assert.match(stderr, /this session is for forwards only/)
  })

  it('ends what a session has left running, however it has left', async () => {
    const session = await bench.open()
    const sleeper = `exec -a left-${process.pid} sleep 600`
    const leave = `setsid bash -c "${sleeper}" </dev/null >/dev/null 2>&1 & (nohup bash -c "${sleeper}" </dev/null >/dev/null 2>&1 &); sleep 0.3; echo left`
    assert.equal((await bench.ssh(session, leave)).stdout, 'left\n')
    await session.untilClosed()
    assert.equal(await hasProcess(new RegExp(`^left-${process.pid}`)), false)
  })

  it('cuts a session, whatever it traps, and tells its client why', async () => {
    const session = await bench.open()
    const seconds = `314.${process.pid}`
    const isSleep = new RegExp(`^sleep ${seconds}$`)
    const running = bench.ssh(session, `trap "" HUP TERM; echo on; sleep ${seconds}`)
    await until('it runs', () => hasProcess(isSleep))
    session.end('revoked')
    const { code, stderr } = await running
    assert.equal(code, 255)
    assert.match(stderr, /the session has ended: it was revoked/)
    assert.equal((await session.untilClosed()).reason, 'revoked')
    assert.equal(await hasProcess(isSleep), false)
  })

  it('ends a session that is idle, and one whose time is over', async () => {
    // Long enough for the client to ask for the command: before, there is no channel by which it can be told.
    const idle = await bench.open({ idle_timeout_ms: 3_000 })
    const { stderr } = await bench.ssh(idle, 'sleep 60')
    assert.match(stderr, /nothing was sent for too long/)
    assert.equal((await idle.untilClosed()).reason, 'idle')
    const expired = await bench.open({ expires_at_ms: Date.now() + 5_000 })
    assert.match((await bench.ssh(expired, 'sleep 60')).stderr, /its time is over/)
    assert.equal((await expired.untilClosed()).reason, 'expired')
  })

  it('serves fifty sessions at once', async () => {
    const sessions = await Promise.all(Array.from({ length: 50 }, () => bench.open()))
    const one = new Set(sessions.map(({ port }) => port))
    assert.equal(one.size, 1)
    // A client has the first session that waits for its key.
    const told = await Promise.all(
      sessions.map((session) => untilServed(bench, session, 'echo $PLEXD_SESSION_ID')),
    )
    assert.deepEqual(
      told.map((text) => text.trim()).sort(),
      sessions.map(({ session_id }) => session_id).sort(),
    )
  })

  it('does not wait longer than ten seconds for a client to say who it is', {
    timeout: 30_000,
  }, async () => {
    const session = await bench.open()
    const silent = connect(session.port, '127.0.0.1').resume()
    const startMs = performance.now()
    await once(silent, 'close')
    assert.ok(performance.now() - startMs > 9_000)
    session.end('revoked')
  })
})

/** There are at most ten clients at a time who have not said who they are. */
async function untilServed(
  bench: Bench,
  session: Parameters<Bench['ssh']>[0],
  command: string,
): Promise<string> {
  for (;;) {
    const { code, stdout } = await bench.ssh(session, command)
    if (code === 0) return stdout
  }
}

async function hasProcess(command: RegExp): Promise<boolean> {
  const running = await readTree()
  const texts = await Promise.all(
    running.map(({ pid }) => readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')),
  )
  return texts.some((text) => command.test(text.replaceAll('\0', ' ').trim()))
}
