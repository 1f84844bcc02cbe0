import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createClient, localApi } from '@plexd/protocol'
import { createUnixTransport } from '@plexd/runtime'
import { freePort, noPostgres, startPostgres, until } from '@plexd/runtime/testing'
import { startAgentProcess } from '../../scripts/programs/agent.ts'
import {
  type ControlPlaneProcess,
  startControlPlaneProcess,
} from '../../scripts/programs/control-plane.ts'
import { runProgram } from '../../scripts/programs/program.ts'

/** One may wait for as long as the test takes. */
const turnMs = 24 * 3_600_000

describe('two control planes on one database, without a balancer', { skip: noPostgres }, () => {
  it('are gone on at by node and operator when one is killed, there and back', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'plexd-test-'))
    await using stack = new AsyncDisposableStack()
    stack.defer(() => rm(folder, { recursive: true }))
    const server = stack.use(await startPostgres())
    const hosts = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`] as const
    const urls = hosts.map((host) => `https://${host}`)
    const args = ['--database-url', server.createDatabase()]
    for (const name of ['cp1', 'cp2']) await mkdir(join(folder, name))

    let waiting: Promise<ControlPlaneProcess> | undefined
    // Its turn comes when the first has ended.
    stack.defer(async () => (await waiting)?.[Symbol.asyncDispose]())
    const first = stack.use(
      await startControlPlaneProcess(join(folder, 'cp1'), {
        args,
        listen: hosts[0],
        startMs: turnMs,
      }),
    )
    waiting = startControlPlaneProcess(join(folder, 'cp2'), {
      args: [...args, '--master-key-file', join(first.dataDir, 'master.key')],
      listen: hosts[1],
      startMs: turnMs,
    })
    const environment = { ...first.environment, PLEXCTL_SERVER: urls.join(',') }
    const agent = stack.use(
      await startAgentProcess(folder, {
        hostname: 'web',
        token: await tokenOf(environment),
        controlPlane: { url: urls.join(','), caFile: first.caFile },
      }),
    )
    const local = createClient(localApi, createUnixTransport(agent.socket))
    const place = async () => (await local.getStatus({})).body.control_plane
    const isAt = (url: string | undefined) => async () => {
      const { url: now, stream } = await place()
      return now === url && stream === 'connected'
    }
    await until('a stream at the first', isAt(urls[0]))

    await first.end('SIGKILL')
    const second = await waiting
    await until('a stream at the second', isAt(urls[1]))
    await until('the second serves', () => isServed(environment))
    const [lost, used] = (await place()).addresses ?? []
    assert.match(lost?.last_error ?? '', new RegExp(`"${urls[0]}": .*(ECONN|socket hang up)`))
    assert.deepEqual([used?.in_use, used?.last_error], [true, ''])
    await putData(environment, 'second')
    await until('its event', async () => (await dataOf(agent.socket)) === 'second')

    const again = first.start()
    await second.end('SIGKILL')
    await again
    await until('a stream at the first again', isAt(urls[0]))
    await until('the first serves again', () => isServed(environment))
    await putData(environment, 'first')
    await until('its event', async () => (await dataOf(agent.socket)) === 'first')
  })
})

type Environment = Readonly<Record<string, string>>

/** One that waits listens before its turn has come. */
async function isServed(environment: Environment): Promise<boolean> {
  return (await runProgram('plexctl', ['whoami'], environment)).code === 0
}

async function tokenOf(environment: Environment): Promise<string> {
  const { stdout, stderr } = await runProgram('plexctl', ['token', 'create', '--json'], environment)
  assert.notEqual(stdout, '', stderr)
  return JSON.parse(stdout).token
}

async function putData(environment: Environment, text: string): Promise<void> {
  const args = ['data', 'put', 'k', '--selector', '*', '--file', '-']
  const { code, stderr } = await runProgram('plexctl', args, environment, text)
  assert.equal(code, 0, stderr)
}

async function dataOf(socket: string): Promise<string> {
  const { stdout } = await runProgram('plexd', ['state', 'get', 'data', 'k', '--socket', socket])
  return stdout.trim()
}
