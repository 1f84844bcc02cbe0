import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createClient, localApi } from '@plexd/protocol'
import { createUnixTransport } from '@plexd/runtime'
import { freePort, noPostgres, until } from '@plexd/runtime/testing'
import { startAgentProcess } from '../../scripts/programs/agent.ts'
import {
  type ControlPlaneProcess,
  startControlPlaneProcess,
} from '../../scripts/programs/control-plane.ts'
import { openPostgres } from '../support/open-postgres.ts'
import { entryOf, type Place, plexctl, putEntry, tokenOf } from './by-programs.ts'

/** One may wait for as long as the test takes. */
const turnMs = 24 * 3_600_000

describe('two control planes on one database, without a balancer', { skip: noPostgres }, () => {
  const server = openPostgres()

  it('are gone on at by node and operator when one is killed, there and back', async () => {
    await using stack = new AsyncDisposableStack()
    const hosts = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`] as const
    const urls = hosts.map((host) => `https://${host}`)
    const args = ['--database-url', server.createDatabase()]
    for (const name of ['cp1', 'cp2']) await mkdir(join(server.home, name))

    let waiting: Promise<ControlPlaneProcess> | undefined
    // Its turn comes when the first has ended.
    stack.defer(async () => (await waiting)?.[Symbol.asyncDispose]())
    const first = stack.use(
      await startControlPlaneProcess(join(server.home, 'cp1'), {
        args,
        listen: hosts[0],
        startMs: turnMs,
      }),
    )
    waiting = startControlPlaneProcess(join(server.home, 'cp2'), {
      args: [...args, '--master-key-file', join(first.dataDir, 'master.key')],
      listen: hosts[1],
      startMs: turnMs,
    })
    const shared = { environment: { ...first.environment, PLEXCTL_SERVER: urls.join(',') } }
    const agent = stack.use(
      await startAgentProcess(server.home, {
        hostname: 'web',
        token: await tokenOf(shared),
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
    await until('the second serves', () => isServed(shared))
    const [lost, used] = (await place()).addresses ?? []
    assert.match(lost?.last_error ?? '', new RegExp(`"${urls[0]}": .*(ECONN|socket hang up)`))
    assert.deepEqual([used?.in_use, used?.last_error], [true, ''])
    await putEntry(shared, 'data', 'second')
    await until('its event', async () => (await entryOf(agent.socket, 'data')) === 'second')

    const again = first.start()
    await second.end('SIGKILL')
    await again
    await until('a stream at the first again', isAt(urls[0]))
    await until('the first serves again', () => isServed(shared))
    await putEntry(shared, 'data', 'first')
    await until('its event', async () => (await entryOf(agent.socket, 'data')) === 'first')
  })
})

/** One that waits listens before its turn has come. */
async function isServed(place: Place): Promise<boolean> {
  return (await plexctl(place, 'whoami')).code === 0
}
