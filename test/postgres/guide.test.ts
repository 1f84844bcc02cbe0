import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { freePort, noPostgres, until } from '@plexd/runtime/testing'
import { startAgentProcess } from '../../scripts/programs/agent.ts'
import {
  type ControlPlaneProcess,
  startControlPlaneProcess,
} from '../../scripts/programs/control-plane.ts'
import { runProgram } from '../../scripts/programs/program.ts'
import { commandsIn, readGuide } from '../support/guide.ts'
import { openPostgres } from '../support/open-postgres.ts'
import { entryOf, type Place, plexctl, putEntry, tokenOf } from './by-programs.ts'

const guide = await readGuide('postgresql')
const commands = commandsIn(guide)
const blocks = (language: string): readonly string[] =>
  guide.match(new RegExp(`(?<=\`\`\`${language}\n)[^]*?(?=\`\`\`)`, 'g')) ?? []
const block = (language: string): string => blocks(language)[0] ?? ''

/** Of this machine, from which nobody else connects. */
const balancer = '127.0.0.8'

const noProxy =
  spawnSync('haproxy', ['-v']).error && 'HAProxy is not installed: apt-get install haproxy'

describe('the guide to PostgreSQL', { skip: noPostgres }, () => {
  const server = openPostgres()

  /** A command of the guide, on the server of this test. */
  function run(command: string): string {
    const env = { ...process.env, PGHOST: server.folder, PGUSER: 'plexd', PGDATABASE: 'postgres' }
    return execFileSync('sh', ['-c', command], { encoding: 'utf8', env, stdio: 'pipe' })
  }

  it('makes a database for a user of its own', () => {
    const made = commands.filter((line) => line.startsWith('runuser'))
    assert.equal(made.length, 3)
    // The test server has a plexd.
    for (const line of made)
      run(line.replace('runuser -u postgres -- ', '').replaceAll('plexd', 'guide'))
    assert.equal(
      run('psql -At --dbname guide --username guide --command "show server_encoding"'),
      'UTF8\n',
    )
  })

  it('has settings that are settings', async () => {
    const file = join(server.home, 'control-plane.yaml')
    const password = join(server.home, 'password')
    await writeFile(password, 'ThePassword', { mode: 0o600 })
    const settings = block('yaml').replace('/etc/plexd/database.password', password)
    await writeFile(file, settings)
    const { code, stdout, stderr } = await runProgram('control-plane', ['config', 'check', file])
    assert.equal(code, 0, stdout + stderr)
  })

  it('has settings of a node with two addresses that are settings', async () => {
    const file = join(server.home, 'plexd.yaml')
    await writeFile(file, blocks('yaml')[1]?.replace('…', 'ab'.repeat(32)) ?? '')
    const { code, stdout, stderr } = await runProgram('plexd', ['config', 'check', file])
    assert.equal(code, 0, stdout + stderr)
  })

  it('backs up and restores: nodes that have seen more pull their state', async () => {
    const [old, fresh] = [server.createDatabase(), server.createDatabase()]
    const [dump = '', restore = ''] = commands.filter((line) => line.startsWith('pg_'))
    const at = (command: string, url: string) =>
      run(
        command
          .replace('postgres://plexd@db.example.com/plexd', `'${url}'`)
          .replace('plexd.dump', join(server.home, 'plexd.dump')),
      )
    const start = (url: string) =>
      startControlPlaneProcess(join(server.home, 'restored'), { args: ['--database-url', url] })
    await mkdir(join(server.home, 'restored'))

    await using first = await start(old)
    await using agent = await startAgentProcess(server.home, {
      hostname: 'web',
      token: await tokenOf(first),
      controlPlane: first,
    })
    at(dump, old)
    await putEntry(first, 'data', 'newer')
    await until('it has come', async () => (await entryOf(agent.socket, 'data')) === 'newer')
    const { host } = new URL(first.url)
    await first.end('SIGKILL')
    at(restore, fresh)
    await using _again = await startControlPlaneProcess(join(server.home, 'restored'), {
      listen: host,
      args: ['--database-url', fresh],
    })
    await until('it is as it was', async () => (await entryOf(agent.socket, 'data')) === '')
  })

  it('moves an installation: its agent goes on without joining again, and the way back is a file', async () => {
    const home = join(server.home, 'moved')
    const password = join(server.home, 'move.password')
    await mkdir(home)
    await writeFile(password, 'ThePassword', { mode: 0o600 })
    await using plane = await startControlPlaneProcess(home)
    const { host } = new URL(plane.url)
    const logFile = join(home, 'mail.log')
    const config = join(home, 'plexd.yaml')
    await writeFile(logFile, '')
    await writeFile(config, `logs: { journald: false, files: [${logFile}] }\n`, { mode: 0o600 })
    await using agent = await startAgentProcess(home, {
      hostname: 'mail',
      token: await tokenOf(plane),
      controlPlane: plane,
      args: ['--config', config],
    })
    await until('the file is followed', async () => {
      const { stdout } = await runProgram('plexd', ['log-status', '--socket', agent.socket])
      return /mail\.log +running/.test(stdout)
    })
    const logs = async (place: Place): Promise<string[]> => {
      const { stdout } = await plexctl(place, 'logs', 'mail', '--grep', 'order', '--json')
      return stdout.split('\n').slice(0, -1)
    }
    await appendFile(logFile, 'order 1\n')
    const logged = await until('the line has come', async () => {
      const lines = await logs(plane)
      return lines.length > 0 && lines
    })
    await putEntry(plane, 'data', 'before')
    await putEntry(plane, 'secret', 'geheim')
    await until(
      'the event has come',
      async () => (await entryOf(agent.socket, 'data')) === 'before',
    )
    const nodes = (await plexctl(plane, 'node', 'list', '--json')).stdout

    const url = server.createDatabase()
    const line = commands.find((one) => one.startsWith('plexd-control-plane migrate-database'))
    const typed = (line ?? '')
      .replace(/'postgres:\/\/\S+'/, url)
      .replace('/etc/plexd/database.password', password)
      .split(' ')
      .slice(1)
    const move = () =>
      runProgram('control-plane', [...typed, '--data-dir', plane.dataDir, '--json'])
    const early = await move()
    assert.match(early.stderr, /process \d+ is running on it: stop that first/)
    await plane.end()
    const { code, stdout, stderr } = await move()
    assert.equal(code, 0, stderr)
    const { tables, telemetry, authority, staying } = JSON.parse(stdout)
    for (const { table, source, target } of tables) assert.deepEqual(target, source, table)
    for (const { kind, source, target } of telemetry) assert.deepEqual(target, source, kind)
    assert.ok(telemetry.length > 0)
    assert.deepEqual(staying, [])
    assert.equal(authority.key, 'sealed')
    await rm(authority.file)
    await assert.rejects(plane.start(), /its state was moved to "postgres:/)

    const served = await startControlPlaneProcess(home, {
      listen: host,
      args: ['--database-url', url],
    })
    await using _served = served
    await putEntry(served, 'data', 'after')
    await until('the event has come', async () => (await entryOf(agent.socket, 'data')) === 'after')
    if (process.getuid?.() === 0) assert.equal(await entryOf(agent.socket, 'secret'), 'geheim')
    const again = (await plexctl(served, 'node', 'list', '--json')).stdout
    assert.equal(idsOf(nodes).length, 1)
    assert.deepEqual(idsOf(again), idsOf(nodes))
    assert.deepEqual(await logs(served), logged)
    await appendFile(logFile, 'order 2\n')
    await until('the next line has come', async () => (await logs(served)).length > 1)
    const [first, second, ...more] = await logs(served)
    assert.deepEqual([first, ...more], logged)
    assert.match(second ?? '', /order 2/)

    await served.end()
    const back = commands.find((one) => one.startsWith('mv ')) ?? ''
    run(back.replaceAll('/var/lib/plexd-control-plane', plane.dataDir))
    await plane.start()
    await until('it is as it was', async () => (await entryOf(agent.socket, 'data')) === 'before')
  })

  it('has two behind HAProxy: one serves, and when it is killed, the other does', {
    skip: noProxy,
  }, async () => {
    const [port, one, two] = [await freePort(), await freePort(), await freePort()]
    const config = join(server.home, 'haproxy.cfg')
    const text = block('haproxy')
      .replace(':8443', `127.0.0.1:${port}`)
      .replace('10.0.0.5:8443', `127.0.0.1:${one}`)
      .replace('10.0.0.6:8443', `127.0.0.1:${two}`)
      .replaceAll(' check ', ` source ${balancer} check `)
    await writeFile(config, text)
    const proxy = spawn('haproxy', ['-db', '-f', config], { stdio: 'ignore' })
    await using _proxy = endAtEnd(proxy)
    const url = `https://127.0.0.1:${port}`
    assert.match(text, / send-proxy-v2 /)
    const args = [
      ...['--database-url', server.createDatabase(), '--public-url', url],
      ...['--proxy-protocol-from', balancer],
    ]
    for (const name of ['cp1', 'cp2']) await mkdir(join(server.home, name))

    const listen = `127.0.0.1:${one}`
    let waiting: Promise<ControlPlaneProcess> | undefined
    await using stack = new AsyncDisposableStack()
    // Its turn comes when the first has ended.
    stack.defer(async () => (await waiting)?.[Symbol.asyncDispose]())
    const first = stack.use(
      await startControlPlaneProcess(join(server.home, 'cp1'), { listen, args }),
    )
    const key = ['--master-key-file', join(first.dataDir, 'master.key')]
    waiting = startControlPlaneProcess(join(server.home, 'cp2'), {
      listen: `127.0.0.1:${two}`,
      args: [...args, ...key],
    })
    const shared = { ...first, environment: { ...first.environment, PLEXCTL_SERVER: url } }
    await until('the balancer sees it', async () => (await plexctl(shared, 'whoami')).code === 0)
    await using agent = await startAgentProcess(server.home, {
      hostname: 'db',
      token: await tokenOf(shared),
      controlPlane: { url, caFile: first.caFile },
    })
    await putEntry(shared, 'data', 'before')
    await until(
      'the event has come',
      async () => (await entryOf(agent.socket, 'data')) === 'before',
    )

    await first.end('SIGKILL')
    await waiting
    await until('the other one serves', async () => (await plexctl(shared, 'whoami')).code === 0)
    await putEntry(shared, 'data', 'after')
    await until('the event has come', async () => (await entryOf(agent.socket, 'data')) === 'after')
  })
})

const idsOf = (list: string): string[] => list.match(/\bn_[a-z0-9]+/g) ?? []

function endAtEnd(child: ChildProcess): AsyncDisposable {
  const ended = once(child, 'exit')
  return {
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
