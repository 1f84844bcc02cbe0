import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { createClient, localApi } from '@plexd/protocol'
import { createUnixTransport } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import type { AgentProcess } from '../../scripts/programs/agent.ts'
import { openSystem } from '../support/open-system.ts'

const preload = pathToFileURL(join(import.meta.dirname, '..', 'support', 'wall-clock.ts'))
const hourMs = 3_600_000

describe('the clock of a node', () => {
  const system = openSystem()
  let clock: string
  let agent: AgentProcess

  before(async () => {
    clock = join(system.folder, 'clock')
  })

  const setTo = (offsetMs: number) => writeFile(clock, String(Math.round(offsetMs)).padStart(16))
  const start = async (hostname: string): Promise<void> => {
    const config = join(system.folder, `${hostname}.yaml`)
    await writeFile(config, 'heartbeat: { interval: 1s }\n')
    agent = await system.startAgent(hostname, {
      args: ['--config', config],
      prefix: ['env', `NODE_OPTIONS=--import=${preload}`, `PLEXD_TEST_WALL_CLOCK=${clock}`],
    })
  }
  const local = () => createClient(localApi, createUnixTransport(agent.socket, 5_000))
  const status = async () => (await local().getStatus({})).body
  const says = (what: RegExp) =>
    until(`it says ${what}`, async () => what.test((await status()).problems.join()))

  /** What goes either way: a report to the control plane, a change and a heartbeat from here to there. */
  async function works(name: string): Promise<void> {
    const key = name
    const node = agent.hostname
    const { body: before } = await system.admin.getNode({ params: { node } })
    await local().putReport({ params: { key }, body: { content_type: 'text/plain', payload: key } })
    await until(`report ${name} arrives`, async () => {
      const { items } = (await system.admin.listReports({ params: { node } })).body
      return items.some((item) => item.key === key)
    })
    await until(`it is heard of after ${name}`, async () => {
      const { body } = await system.admin.getNode({ params: { node } })
      return (body.last_seen_at ?? '') > (before.last_seen_at ?? '')
    })
  }

  async function putData(key: string): Promise<void> {
    const target = { node_id: (await status()).node_id }
    await system.admin.putData({
      params: { key },
      body: { target, content_type: 'text/plain', payload: key },
    })
  }
  const has = (key: string) =>
    until(`data ${key} comes`, () =>
      local()
        .getData({ params: { key } })
        .then(
          () => true,
          () => false,
        ),
    )

  it('is set forward and back by hours: reports and heartbeats go on, and it is said', async () => {
    await setTo(0)
    await start('stepping')
    await works('right')
    for (const [name, offsetMs, words] of [
      [
        'ahead',
        2 * hourMs,
        /the clock is 120 min ahead of the control plane's, so that all events/,
      ],
      [
        'behind',
        -2 * hourMs,
        /the clock is 120 min behind the control plane's, so that all events/,
      ],
    ] as const) {
      await setTo(offsetMs)
      await says(words)
      await works(name)
      assert.match((await status()).uptime, /^\d+s$|^\d+m/)
    }
    await setTo(0)
    await says(/^$/)
    await putData('by-event')
    await has('by-event')
    assert.match(await agent.program().log(), /"the clock was set"/)
    await agent.end()
  })

  it('says 2039 when the node is enrolled: it comes up, has its state, and is right again later', async () => {
    await setTo(Date.UTC(2039, 0, 1) - Date.now())
    await start('future')
    await says(/the clock is \d{7} min ahead of the control plane's/)
    await works('future')
    await setTo(0)
    await says(/^$/)
    await putData('present')
    await has('present')
    await agent.end()
  })
})
