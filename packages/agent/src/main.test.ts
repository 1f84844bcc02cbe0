import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { hostname, userInfo } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type Client, createClient, type LocalApi, localApi } from '@plexd/protocol'
import { createUnixTransport } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { aSetup, signToken } from './sessions/testing/session-tokens.ts'
import { type FakeControlPlane, startFakeControlPlane } from './testing/fake-control-plane.ts'
import { makeFolder } from './testing/node.ts'
import { version } from './version.ts'

const main = join(import.meta.dirname, 'main.ts')

describe('plexd', () => {
  it('tells its version, and how to use it', async () => {
    assert.match((await plexd('version')).stdout, new RegExp(`^plexd version ${version}\n`))
    assert.equal(JSON.parse((await plexd('version', '--json')).stdout).version, version)
    assert.match((await plexd('up', '--help')).stdout, /--no-mesh[\s\S]*Examples:/)
  })

  it('fails in one line that says what to do next', async () => {
    await using folder = await makeFolder()
    await using plane = await startFakeControlPlane()
    const at = (name: string): string => join(folder.path, name)
    await writeFile(at('file'), 'x')
    await writeFile(at('wrong'), 'plx_enroll_wrong', { mode: 0o600 })
    await writeFile(at('open'), 'plx_enroll_test', { mode: 0o644 })
    await writeFile(at('token'), 'plx_enroll_test', { mode: 0o600 })
    await writeFile(at('config.yaml'), 'reconcile: { interval: 5 }')
    execFileSync('mkfifo', [at('pipe')])
    for (const name of ['j/identity.json', 'k/agent.db', 'mine/photos'])
      await mkdir(at(name), { recursive: true })
    const toPlane = ['--api', plane.url, '--insecure-http', '--data-dir']
    const cases: [string[], number, RegExp][] = [
      [
        ['join', '--data-dir', at('a')],
        2,
        /no control plane is named: give a join string to "plexd setup".* --api https/,
      ],
      [
        ['join', '--data-dir', at('no-file'), '--join-file', at('none')],
        2,
        /^plexd: read join string from ".*none": there is no such file: "plexctl token create --join"/m,
      ],
      [
        ['join', '--data-dir', at('no-line'), '--join-file', '-'],
        2,
        /^plexd: read join string from stdin: it is empty: /m,
      ],
      [['join', ...toPlane, at('b')], 2, /no bootstrap token: .* "plexctl token create"/],
      [
        ['join', ...toPlane, at('c'), '--token-file', at('wrong')],
        4,
        /invalid bootstrap token: make a new token/,
      ],
      [
        ['join', ...toPlane, at('g'), '--token-file', at('open')],
        2,
        /^plexd: read ".*open": users other than its owner may read it \(mode 0644\): chmod 600 .*open$/m,
      ],
      [
        ['join', ...toPlane, at('h'), '--token-file', at('pipe')],
        2,
        /^plexd: read ".*pipe": it is a named pipe: want a file$/m,
      ],
      [
        [
          ...['join', '--api', 'https://localhost:9', '--ca-file', at('file')],
          ...['--token-file', at('token'), '--data-dir', at('l')],
        ],
        2,
        /^plexd: read CA file ".*file": it holds no certificate in PEM: want ca.crt of/m,
      ],
      [
        ['join', ...toPlane, at('i'), '--config', at('pipe')],
        2,
        /read config ".*pipe": it is a named pipe: want a file/,
      ],
      [
        ['join', ...toPlane, at('j')],
        1,
        /^plexd: read ".*identity.json": it is a folder: move it away, or name a file$/m,
      ],
      [
        ['up', '--no-mesh', ...toPlane, at('k')],
        1,
        /agent.db.*: a folder stands where a file has to: move it away, or choose another/,
      ],
      [['join', ...toPlane, at('file/x')], 1, /".*file\/x/],
      [
        ['join', ...toPlane, at('d'), '--config', at('config.yaml')],
        2,
        /reconcile.interval: 5: want a number/,
      ],
      [
        ['up', ...toPlane, at('e'), '--socket', at('file')],
        1,
        /serve the Local Node API: .*not a socket, remove it/,
      ],
      [
        ['status', '--socket', at('none')],
        5,
        /no daemon answers at ".*none": start it with "plexd up"/,
      ],
      [['deregister', '--data-dir', at('f')], 3, /this machine is not registered/],
      [['deregister', '--purge', '--data-dir', at('f')], 3, /lies there with --purge --force/],
      [
        ['deregister', '--purge', '--force', '--data-dir', at('mine')],
        2,
        /purge ".*mine": nothing was removed: that is no data dir of plexd: name /,
      ],
      [['deregister', '--force', '--data-dir', at('f')], 2, /--force: it is for --purge alone/],
    ]
    const outcomes = await Promise.all(cases.map(([args]) => plexd(...args)))
    for (const [index, [args, exitCode, message]] of cases.entries()) {
      const { code, stderr, stdout } = outcomes[index] ?? assert.fail()
      assert.deepEqual(
        { code, stdout },
        { code: exitCode, stdout: '' },
        `${args.join(' ')}: ${stderr}`,
      )
      const lines = stderr
        .trimEnd()
        .split('\n')
        .filter((line) => !line.startsWith('{'))
      assert.equal(lines.length, 1, stderr)
      assert.match(lines[0] ?? '', message)
    }
  })

  it('prints completion scripts that the shell takes', async () => {
    const script = (await plexd('completion', 'bash')).stdout
    const typed = 'COMP_WORDS=(plexd state get d); COMP_CWORD=3; _plexd; echo $COMPREPLY'
    const bash = spawn('bash', ['-c', `${script}\n${typed}`])
    assert.equal(await text(bash.stdout), 'data\n')
    for (const shell of ['zsh', 'fish']) {
      assert.match((await plexd('completion', shell)).stdout, /deregister/)
    }
  })
})

describe('plexd up', () => {
  const running = new Set<ChildProcess>()
  after(() => {
    for (const child of running) child.kill('SIGKILL')
  })

  it('enrols, serves, refuses a second of its kind, and stops in time', async () => {
    await using setup = await setUp()
    const daemon = setup.up()
    const status = await until(
      'the node id',
      async () => {
        const seen = await setup.status()
        return seen?.node_id === 'n_test' && seen
      },
      startMs,
    )
    assert.equal(status.mesh.enabled, false)
    assert.match(status.mesh.reason ?? '', /--no-mesh/)

    const second = await plexd(...setup.args, '--socket', join(setup.folder, 'other.sock'))
    assert.equal(second.code, 1)
    assert.match(second.stderr, /another plexd uses it/)

    const text = await plexd('status', '--socket', setup.socket)
    assert.match(text.stdout, /mesh: +disabled: switched off by --no-mesh[\s\S]*problems: +none/)

    const network = await plexd('netcheck', '--socket', setup.socket)
    assert.equal(network.code, 1)
    assert.equal(
      network.stderr,
      'plexd: check the network: this node has no mesh, and so no endpoint that peers could use: it is switched off by --no-mesh or "mesh.enabled: false": bring it up with "plexd up --mesh"\n',
    )

    const startedMs = Date.now()
    daemon.kill('SIGTERM')
    const code = await new Promise((resolve) => daemon.on('exit', resolve))
    assert.equal(code, 0)
    assert.ok(Date.now() - startedMs < 20_000)
  })

  it('loses nothing and runs nothing twice when it is killed again and again', async () => {
    await using setup = await setUp()
    const { plane } = setup
    const total = 60
    let daemon = setup.up()
    await until('a stream', () => plane.openStreams() === 1, 60_000)
    const kills = (async () => {
      for (let times = 0; times < 4; times++) {
        await delay(300 + Math.random() * 700)
        daemon.kill('SIGKILL')
        await new Promise((resolve) => daemon.on('exit', resolve))
        daemon = setup.up()
        await until('a new stream', () => plane.openStreams() === 1, 60_000)
      }
    })()
    for (let number = 1; number <= total; number++) {
      const metadata = { number: String(number) }
      const revision = await plane.publish('node_state_updated', { metadata, data: [] })
      plane.state = { ...plane.state, metadata, revision }
      if (number % 6 === 0) {
        const execution_id = `exec_${number}`
        await plane.publish('action_request', { execution_id, action: 'system.info' })
      }
      await delay(60)
    }
    await kills

    const last = await until(
      'the last event',
      async () => {
        // The last to be started may not listen yet.
        const answer = await setup.client.listMetadata({}).catch(() => undefined)
        return answer?.body.number === String(total) && answer.body
      },
      startMs,
    )
    assert.deepEqual(last, { number: String(total) })
    for (let number = 6; number <= total; number += 6) {
      const results = await until(
        `result ${number}`,
        () => {
          const sent = plane.sent(`/exec_${number}/result`)
          return sent.length > 0 && sent
        },
        startMs,
      )
      const contents = new Set(results.map(({ body }) => JSON.stringify(body)))
      assert.equal(contents.size, 1, `exec_${number} has one result, however often it was sent`)
      const acks = plane.sent(`/exec_${number}/ack`).map(({ body }) => Object(body).status)
      assert.deepEqual(new Set(acks), new Set(['accepted']))
    }
    assert.equal(plane.sent('/v1/register').length, 1)
    daemon.kill('SIGTERM')
    await new Promise((resolve) => daemon.on('exit', resolve))
  })

  it('restarts in its own process when operators ask, with one result for each of them', async () => {
    await using setup = await setUp()
    const { plane } = setup
    const daemon = setup.up()
    await until('a stream', () => plane.openStreams() === 1, 60_000)
    const before = await setup.status()
    await plane.publish('action_request', { execution_id: 'exec_1', action: 'service.restart' })
    await plane.publish('action_request', { execution_id: 'exec_2', action: 'service.restart' })

    const after = await until(
      'the next daemon',
      async () => {
        const status = await setup.status()
        return (
          status?.control_plane.stream === 'connected' &&
          plane.sent('/events').length > 1 && // it is not the first one any more
          status
        )
      },
      60_000,
    )
    assert.equal(after.pid, before?.pid)
    assert.equal(daemon.exitCode, null)
    for (const id of ['exec_1', 'exec_2']) {
      const results = plane.sent(`/${id}/result`).map(({ body }) => Object(body).status)
      assert.deepEqual(results, ['success'], id)
    }
    assert.equal(plane.sent('/v1/register').length, 1)
    daemon.kill('SIGTERM')
    const [code] = await once(daemon, 'exit')
    assert.equal(code, 0)
  })

  it('runs actions for users of the node, of which the control plane hears nothing', async () => {
    await using setup = await setUp()
    const { plane } = setup
    const daemon = setup.up()
    await until('a stream', () => plane.openStreams() === 1, 60_000)
    const actions = (...args: string[]) => plexd('actions', ...args, '--socket', setup.socket)

    const { body: listed } = await setup.client.listActions({})
    assert.deepEqual(
      JSON.parse((await actions('list', '--json')).stdout),
      JSON.parse(JSON.stringify(listed)),
    )
    const dump = await actions('run', 'config.dump', '--param', 'redacted=false', '--json')
    assert.equal(dump.code, 0)
    assert.partialDeepStrictEqual(JSON.parse(dump.stdout), {
      status: 'success',
      triggered_by: { type: 'direct_access' },
    })
    const failing = await actions('run', 'mesh.reconnect')
    assert.equal(failing.code, 1)
    assert.match(failing.stderr, /this node has no mesh.*\nplexd: run "mesh.reconnect": failure/)
    const wrong = await actions('run', 'logs.snapshot', '--param', 'lines=-1')
    assert.match(wrong.stderr, /^plexd: run "logs.snapshot": lines -1: want 1 or more$/m)
    assert.equal((await actions('run', 'no.such')).code, 3)
    assert.equal(plane.requests.filter(({ line }) => line.includes('/executions/')).length, 0)
    daemon.kill('SIGTERM')
    await once(daemon, 'exit')
  })

  it('leaves nothing behind when it is deregistered with --purge', async () => {
    await using setup = await setUp()
    const where = ['--api', setup.plane.url, '--insecure-http', '--data-dir', setup.dataDir]
    const joined = await plexd('join', ...where, '--token-file', setup.token)
    const name = hostname()
    assert.equal(joined.stdout, `node_id: n_test\nhostname: ${name}\nmesh_ip: 10.100.1.1\n`)
    assert.match(joined.stderr, /^plexd: next, start the daemon: "systemctl enable --now plexd"/m)
    await readFile(join(setup.dataDir, 'identity.json'))
    const again = await plexd('join', ...where)
    assert.equal(again.stdout, joined.stdout)
    assert.ok(again.stderr.includes(`enrolled already, as "${name}"`))
    const other = await plexd('join', ...where, '--hostname', 'web-02')
    assert.equal(other.code, 1)
    assert.match(
      other.stderr,
      /join as "web-02": this machine is enrolled already, as ".+" \(n_test\): rename it with/,
    )

    const left = await plexd('deregister', ...where, '--purge', '--json')

    assert.deepEqual(JSON.parse(left.stdout), {
      node_id: 'n_test',
      deregistered: true,
      purged: true,
    })
    await assert.rejects(readFile(join(setup.dataDir, 'identity.json')), { code: 'ENOENT' })
    assert.equal(setup.plane.sent('/deregister').length, 1)
  })

  it('leaves a mount point that its data dir is, and nothing in it', async (t) => {
    if (process.getuid?.() !== 0) return void t.skip('mounting needs root')
    await using setup = await setUp()
    const where = ['--api', setup.plane.url, '--insecure-http', '--data-dir', setup.dataDir]
    await plexd('join', ...where, '--token-file', setup.token)
    const script = 'mount --bind "$0" "$0" && exec "$@"'
    const purge = [process.execPath, main, 'deregister', ...where, '--purge']
    const command = ['--mount', 'sh', '-c', script, setup.dataDir, ...purge]
    const child = spawn('unshare', command, { stdio: ['ignore', 'ignore', 'pipe'], env: cleanEnv })
    const exited = new Promise((resolve) => child.on('exit', resolve))
    const stderr = await text(child.stderr)
    assert.equal(await exited, 0, stderr)
    assert.match(stderr, /^plexd: the empty folder ".*" stays: EBUSY/)
    assert.deepEqual(await readdir(setup.dataDir), [])
    assert.equal(setup.plane.sent('/deregister').length, 1)
  })

  it('starts again, and is found, by nothing but its data dir', async () => {
    await using setup = await setUp()
    const first = setup.up()
    await until('the node id', async () => (await setup.status())?.node_id === 'n_test', startMs)
    first.kill('SIGTERM')
    await new Promise((resolve) => first.on('exit', resolve))

    const where = ['--data-dir', setup.dataDir]
    const again = setup.up(['up', ...where])
    await until('a stream', () => setup.plane.openStreams() === 1, 60_000)
    const [status, doctor] = await Promise.all([
      plexd('status', ...where),
      plexd('doctor', '--json', ...where),
    ])
    assert.match(status.stdout, /mesh: +disabled: switched off by --no-mesh/)
    assert.doesNotMatch(doctor.stdout, /none is named|none answers/)
    again.kill('SIGTERM')
    await new Promise((resolve) => again.on('exit', resolve))

    const left = await plexd('deregister', '--json', ...where)
    assert.equal(JSON.parse(left.stdout).deregistered, true)
    const elsewhere = await plexd('deregister', ...where, '--api', 'https://127.0.0.1:1')
    assert.equal(elsewhere.code, 5)
  })

  it('runs sessions in a process of its own, which ends with it however it ends', async () => {
    await using setup = await setUp()
    const { plane } = setup
    const setSession = async (session_id: string): Promise<void> => {
      const sign = (claims: object) => signToken(claims, plane.signer.privateKey)
      const claims = { session_id, login: userInfo().username }
      await plane.publish('ssh_session_setup', await aSetup({ sign }, claims))
    }
    const server = () =>
      until('a session server', async () => (await childrenOf(daemon.pid ?? 0)).find(isServer))
    let daemon = setup.up()
    await until('a stream', () => plane.openStreams() === 1, startMs)
    await setSession('sess_1')
    const first = await server()
    assert.equal((await setup.client.listSessions({})).body.items.length, 1)
    const { stdout } = await plexd(
      'sessions',
      'list',
      '--data-dir',
      setup.dataDir,
      '--socket',
      setup.socket,
    )
    assert.match(stdout, /^sess_1 +waiting +ada /m)
    await plane.publish('session_revoked', { session_id: 'sess_1' })
    const revoked = await until('its end', () => plane.sent('/tunnels/sess_1/closed')[0])
    assert.partialDeepStrictEqual(revoked.body, { reason: 'revoked' })
    await until('no session server', () => !existsSync(`/proc/${first}`))

    await setSession('sess_2')
    const second = await server()
    daemon.kill('SIGKILL')
    // It may be starting still, and notices only then that nobody is there.
    await until('no session server', () => !existsSync(`/proc/${second}`), startMs)
    daemon = setup.up()
    const left = await until('its end', () => plane.sent('/tunnels/sess_2/closed')[0], startMs)
    assert.partialDeepStrictEqual(left.body, { reason: 'error', detail: 'the agent was killed' })
  })

  async function setUp() {
    const folder = await makeFolder()
    const plane = await startFakeControlPlane()
    const at = (name: string): string => join(folder.path, name)
    const token = at('token')
    const dataDir = at('data')
    const socket = at('api.sock')
    await writeFile(token, 'plx_enroll_test', { mode: 0o600 })
    await mkdir(dataDir, { mode: 0o700 })
    const args = [
      'up',
      '--api',
      plane.url,
      '--insecure-http',
      '--token-file',
      token,
      '--data-dir',
      dataDir,
      '--no-mesh',
    ]
    const client: Client<LocalApi> = createClient(localApi, createUnixTransport(socket))
    return {
      plane: plane as FakeControlPlane,
      folder: folder.path,
      args,
      token,
      dataDir,
      socket,
      client,
      up(command = [...args, '--socket', socket]) {
        const child = spawn(process.execPath, [main, ...command], {
          stdio: 'ignore',
          env: cleanEnv,
        })
        running.add(child)
        child.on('exit', () => running.delete(child))
        return child
      },
      status: async () => (await client.getStatus({}).catch(() => undefined))?.body,
      async [Symbol.asyncDispose]() {
        for (const child of running) child.kill('SIGKILL')
        await plane[Symbol.asyncDispose]()
        await folder[Symbol.asyncDispose]()
      },
    }
  }
})

async function childrenOf(pid: number): Promise<string[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  return children.trim().split(' ')
}

function isServer(pid: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('session-server')
  } catch {
    return false // it has ended meanwhile, as tools do that plexd runs
  }
}

/** Of a program whose sources Node reads, which is two seconds of work, beside others that want the same processors. */
const startMs = 60_000

/** Without the variables that would configure plexd. */
const cleanEnv = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith('PLEXD_')),
)

async function plexd(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: cleanEnv,
  })
  const exited = new Promise<number>((resolve) => child.on('exit', (code) => resolve(code ?? -1)))
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  return { code: await exited, stdout, stderr }
}
