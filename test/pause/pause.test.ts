import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { controlApi, createClient, localApi } from '@plexd/protocol'
import { createUnixTransport } from '@plexd/runtime'
import { type EventStream, until } from '@plexd/runtime/testing'
import type { AgentProcess } from '../../scripts/programs/agent.ts'
import { type System, startSystem, type TestNode } from '../support/system.ts'

/** A node is offline after ten of these. An agent beats each second at most. */
const intervalMs = 400
const offlineMs = 10 * intervalMs

describe('programs that are stopped for a while, and go on', () => {
  const beating = new AbortController()
  let system: System
  let web: AgentProcess
  let db: TestNode
  let stream: EventStream
  let heart: Promise<void>
  before(async () => {
    system = await startSystem({ args: ['--heartbeat-interval', `${intervalMs}ms`] })
    const config = join(system.folder, 'agent.yaml')
    await writeFile(config, 'heartbeat: { interval: 1s }\n')
    web = await system.startAgent('web-01', { args: ['--config', config] })
    db = await system.enrol('db-01')
    heart = beat(db, beating.signal)
    stream = await db.stream()
    await until('both are online', () => areOnline('web-01', 'db-01'))
  })
  after(async () => {
    beating.abort()
    await heart
    stream?.[Symbol.dispose]()
    await system?.[Symbol.asyncDispose]()
  })

  it('the control plane: no node is taken for offline, and no peer is removed', async () => {
    const pid = system.controlPlane.program().pid
    process.kill(pid, 'SIGSTOP')
    try {
      await delay(offlineMs + 2 * intervalMs) // what passes is what is tested
    } finally {
      process.kill(pid, 'SIGCONT')
    }
    const awake = Date.now()
    await until('both have been heard of since', () => areOnline('web-01', 'db-01', awake))

    assert.deepEqual(await eventsUpToNow('peer_removed'), [])
    assert.doesNotMatch(await system.controlPlane.program().log(), /"status":"offline"/)
  })

  it('an agent: it is missed, and is back with what it missed as soon as it goes on', async () => {
    const local = createClient(localApi, createUnixTransport(web.socket, 5_000))
    const { body: node } = await system.admin.getNode({ params: { node: 'web-01' } })
    process.kill(web.program().pid, 'SIGSTOP')
    try {
      const { data } = await stream.find('peer_removed', 3 * offlineMs)
      assert.match(data, new RegExp(node.id))
      await putData(node.id, 'motd')
    } finally {
      process.kill(web.program().pid, 'SIGCONT')
    }
    await until('it is online again', () => areOnline('web-01'))
    assert.match((await stream.find('peer_added')).data, new RegExp(node.id))
    await until('it has what came meanwhile', () =>
      local.getData({ params: { key: 'motd' } }).then(
        () => true,
        () => false,
      ),
    )
    await until('nothing is wrong', async () => {
      const { problems } = (await local.getStatus({})).body
      return problems.length === 0
    })
  })

  it('leave nothing behind that keeps a dead node alive', async () => {
    await web.end('SIGKILL')
    await stream.find('peer_removed', 3 * offlineMs)
    const { body } = await system.admin.getNode({ params: { node: 'web-01' } })
    assert.equal(body.status, 'offline')
  })

  async function areOnline(...given: (string | number)[]): Promise<boolean> {
    const sinceMs = given.find((value) => typeof value === 'number') ?? 0
    const { items } = (await system.admin.listNodes({})).body
    return items
      .filter(({ hostname }) => given.includes(hostname))
      .every(
        ({ status, last_seen_at }) =>
          status === 'online' && Date.parse(last_seen_at ?? '') > sinceMs,
      )
  }

  function putData(node_id: string, key: string) {
    const target = { node_id }
    return system.admin.putData({
      params: { key },
      body: { target, content_type: 'text/plain', payload: 'hello' },
    })
  }

  /** Of this type, of those that were sent before an event that is asked for now. */
  async function eventsUpToNow(type: string): Promise<string[]> {
    await putData(db.node_id, 'now')
    const found: string[] = []
    for (;;) {
      const block = await stream.next()
      if (block === undefined) throw new Error('the stream has ended')
      if (block.event === type) found.push(block.data)
      if (block.event === 'node_state_updated' && block.data.includes('now')) return found
    }
  }
})

/** One after the other: none is given up while nobody answers. */
async function beat(node: TestNode, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await node.call(controlApi.heartbeat, { body: {} }).catch(() => undefined)
    await delay(intervalMs / 2, undefined, { signal }).catch(() => undefined)
  }
}
