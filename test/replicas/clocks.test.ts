import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { noPostgres, until } from '@plexd/runtime/testing'
import { openPostgres } from '../support/open-postgres.ts'
import { newPublicKey } from '../support/system.ts'
import { type Replica, startReplicas } from './start-replicas.ts'

const minuteMs = 60_000
const preload = pathToFileURL(join(import.meta.dirname, '..', 'support', 'wall-clock.ts'))

describe('control planes whose clocks differ by minutes', { skip: noPostgres }, () => {
  const server = openPostgres()

  it('take over from each other: who beats is online, and who does not is silent', async () => {
    const clock = join(server.home, 'clock')
    const setTo = (aheadMs: number) => writeFile(clock, String(aheadMs))
    await setTo(5 * minuteMs)
    const args = ['--heartbeat-interval', '500ms']
    const env = { NODE_OPTIONS: `--import=${preload}`, PLEXD_TEST_WALL_CLOCK: clock }
    await using it = await startReplicas(server, 2, [{ args }, { args, env }])
    const [one, two] = it.replicas
    const tokens: string[] = []
    for (let count = 0; count < 4; count++)
      tokens.push((await one.admin.createToken({ body: { ttl: '30m' } })).body.token)

    async function enrol(through: Replica, hostname: string) {
      const token = tokens.pop() ?? ''
      const body = { token, public_key: newPublicKey(), hostname, capabilities: {} }
      const { node_id, node_token } = (await through.nodes().register({ body } as never)).body
      const beat = (by: Replica) =>
        by.nodes(node_token).heartbeat({ params: { node_id }, body: {} })
      await beat(through)
      return beat
    }

    const web = await enrol(one, 'web')

    /** Kills one and waits until the other, at which another node comes and says no more, calls that one silent and nobody else. */
    async function takeOver(from: Replica, to: Replica, silent: string): Promise<void> {
      await from.process.end('SIGKILL')
      await until('the other one serves', () => web(to).catch(() => undefined))
      await enrol(to, silent)
      await until(`${silent} is silent`, async () => {
        await web(to)
        const { items } = (await to.admin.listNodes({})).body
        const statusOf = (name: string) => items.find((node) => node.hostname === name)?.status
        assert.equal(statusOf('web'), 'online')
        return statusOf(silent) === 'unreachable'
      })
    }

    await takeOver(one, two, 'silent-at-one-ahead')
    const { expires_at } = (await two.admin.createToken({ body: { ttl: '1h' } })).body
    assert.ok(Date.parse(expires_at) > Date.now() + 64 * minuteMs, 'its clock is ahead')

    await one.process.start()
    await takeOver(two, one, 'silent-after-it')

    await setTo(-5 * minuteMs)
    await two.process.start()
    await takeOver(one, two, 'silent-at-one-behind')
  })
})
