import assert from 'node:assert/strict'
import { chmod, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { Session } from '@plexd/protocol'
import { serve, until } from '@plexd/runtime/testing'
import { commandOf, runToEnd } from '../../scripts/programs/program.ts'
import { openSessionSystem, sessionSkip } from './support/session-system.ts'

/** Sessions the whole way: a control plane, a node without a mesh, plexctl and OpenSSH. */
describe('a session on a node without a mesh', { skip: sessionSkip }, () => {
  const sessions = openSessionSystem()
  const { plexctl, start } = sessions
  const deploy = 'deploy@web-01'

  async function list(): Promise<Session[]> {
    const { stdout, stderr } = await plexctl(['session', 'list', '--json'])
    assert.equal(stderr, '')
    return (JSON.parse(stdout) as { items: Session[] }).items
  }

  async function last(): Promise<Session> {
    const [session] = await list()
    assert.ok(session)
    return session
  }

  it('passes output, errors, input and exit code through, as the user it names', async () => {
    const command = 'id -un; pwd; cat; echo oops >&2; exit 7'
    const ran = await plexctl(['ssh', deploy, '--', command], 'typed\n')

    assert.deepEqual(ran, {
      code: 7,
      stdout: `deploy\n${sessions.home}\ntyped\n`,
      stderr: 'oops\n',
    })
  })

  it('is listed with how it ended', async () => {
    const ended = await until('its end', async () => {
      const session = await last()
      return session.state === 'closed' && session
    })
    assert.partialDeepStrictEqual(ended, {
      node: 'web-01',
      login: 'deploy',
      reason: 'client_closed',
    })
    assert.ok(ended.id && ended.opened_at && ended.closed_at)
  })

  it('has a terminal in which programs see its size', async () => {
    const words = commandOf('plexctl', ['ssh', '-t', deploy, '--', 'stty size; tty; exit 5'])
    const line = `stty rows 33 cols 101; ${words.map((word) => `'${word}'`).join(' ')}`
    const environment = sessions.environment()
    const { code, stdout } = await runToEnd('script', ['-qec', line, '/dev/null'], environment)

    assert.match(stdout, /33 101\r\n\/dev\/pts\/\d+\r\n/)
    assert.equal(code, 5)
  })

  it('copies files both ways, but none that the user may not read', async () => {
    const local = join(sessions.system.folder, 'local')
    await writeFile(local, Buffer.alloc(5_000_000, 'plexd '))
    await chmod(local, 0o640)
    const back = join(sessions.system.folder, 'back')

    assert.deepEqual(await plexctl(['cp', local, `${deploy}:there`]), {
      code: 0,
      stdout: '',
      stderr: '',
    })
    assert.equal((await plexctl(['cp', `${deploy}:there`, back])).code, 0)

    assert.deepEqual(await readFile(back), await readFile(local))
    const there = await stat(join(sessions.home, 'there'))
    assert.equal(there.mode & 0o777, 0o640)
    assert.notEqual(there.uid, 0)
    const refused = await plexctl(['cp', `${deploy}:/etc/shadow`, `${back}-shadow`])
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /deploy@web-01:\/etc\/shadow.*Permission denied/)
  })

  it('leads to a port of the node, and to none that was not asked for', async () => {
    await using service = await serve((_request, response) => response.end('hello'))
    await using forward = start(['forward', deploy, `0:${service.port}`])
    const [, port] = await until('the port', () => /127\.0\.0\.1:(\d+) to/.exec(forward.stdout()))

    assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), 'hello')
    forward.signal('SIGINT')
    assert.equal(await forward.ended, 0)
  })

  it('is cut when it is revoked, and what it has started with it', async (t) => {
    const file = join(sessions.home, 'beats')
    await using running = start([
      'ssh',
      deploy,
      '--',
      'echo on; while :; do date +%s%N >> beats; sleep 0.05; done',
    ])
    await until('the command', () => running.stdout() === 'on\n')
    const { id } = await last()

    assert.equal((await plexctl(['session', 'revoke', id, '--yes'])).code, 0)
    const revokedMs = performance.now()
    assert.equal(await running.ended, 255)

    assert.match(running.stderr(), /session ".*" has ended: it was revoked/)
    // Its client may be told a moment before it ends.
    const beatMs = async (): Promise<number> => (await stat(file)).mtimeMs
    let lastBeatMs = 0
    const isStill = async (): Promise<boolean> => {
      const before = lastBeatMs
      lastBeatMs = await beatMs()
      return lastBeatMs === before
    }
    await until('no more beats', isStill, 30_000, 300)
    // Up to a second is what operators were promised; a busy machine promises nothing.
    t.diagnostic(`ran on for ${Math.round(lastBeatMs - performance.timeOrigin - revokedMs)} ms`)
    await until('it is on record', async () => (await last()).reason === 'revoked')
  })

  it('is refused for accounts that are locked, expired or unknown, with the reason', async () => {
    for (const [login, why] of [
      ['locked', /locked/],
      ['expired', /expired/],
      ['nobody-knows', /no such|unknown|no user|does not exist/],
    ] as const) {
      const { code, stderr } = await plexctl(['ssh', `${login}@web-01`, '--', 'id'])
      assert.equal(code, 255)
      assert.match(stderr, why)
    }
  })

  it('serves the clients of OpenSSH by ProxyCommand, and checks the host key', async () => {
    const plexctlWords = commandOf('plexctl', []).join(' ')
    const { stdout: block } = await plexctl([
      'ssh-config',
      'web-01',
      '-l',
      'deploy',
      '--plexctl',
      plexctlWords,
    ])
    const config = join(sessions.system.folder, 'ssh_config')
    await writeFile(config, block)
    const environment = sessions.environment()
    const openssh = (program: string, ...args: string[]) =>
      runToEnd(program, ['-F', config, ...args], environment)

    const ran = await openssh('ssh', 'web-01', 'id -un; exit 9')
    assert.equal(ran.stdout, 'deploy\n', ran.stderr)
    assert.equal(ran.code, 9)
    const from = join(sessions.system.folder, 'ssh_config')
    const copied = await openssh('scp', '-q', from, 'web-01:by-scp')
    assert.equal(copied.code, 0, copied.stderr)
    assert.equal(await readFile(join(sessions.home, 'by-scp'), 'utf8'), block)

    const knownHosts = join(sessions.system.folder, 'config/plexctl/known_hosts')
    const other = `web-01 ssh-ed25519 ${Buffer.concat([Buffer.from('0000000b7373682d6564323535313900000020', 'hex'), Buffer.alloc(32, 7)]).toString('base64')}\n`
    await writeFile(knownHosts, other)
    assert.match(
      (await openssh('ssh', 'web-01', 'id')).stderr,
      /REMOTE HOST IDENTIFICATION HAS CHANGED/,
    )
  })

  it('has a recording of what was shown', async () => {
    await plexctl(['ssh', '-t', deploy, '--', 'echo to be seen again'])
    const { id } = await last()

    const played = await until('the recording', async () => {
      const { stdout } = await plexctl(['session', 'play', id])
      return stdout !== '' && stdout
    })

    assert.match(played, /to be seen again\r\n/)
  })

  it('ends with 255 and what to do where the node or the control plane is not there', async () => {
    const unknown = await plexctl(['ssh', 'web-99', '--', 'id'])
    assert.equal(unknown.code, 255)
    assert.match(unknown.stderr, /^plexctl: .*web-99/)
  })
})
