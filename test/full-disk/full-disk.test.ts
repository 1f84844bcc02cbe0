import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { ApiError, controlApi, createClient, localApi, type NodeState } from '@plexd/protocol'
import { createUnixTransport } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { curl } from '../support/curl.ts'
import { hasPrivateMounts, mountSkip, runPrivately } from '../support/private-mounts.ts'
import { startSystem } from '../support/system.ts'
import { mountSmallDisk, type SmallDisk } from './small-disk.ts'

if (hasPrivateMounts) {
  describe('a control plane on a full disk', controlPlaneTests)
  describe('an agent on a full disk', agentTests)
  describe('an agent that starts on a full disk', agentStartTests)
} else {
  describe('programs on a full disk', { skip: mountSkip }, () => {
    it('pass the tests below, in a mount namespace of their own', () =>
      runPrivately(import.meta.filename, 3))
  })
}

function controlPlaneTests(): void {
  it('refuses writes with a reason, reads on, loses nothing, and works again with room', async () => {
    let disk: SmallDisk | undefined
    await using system = await startSystem({
      prepare: async (folder) => {
        disk = await mountSmallDisk(join(folder, 'control-plane'), 24)
        return disk
      },
    })
    const node = await system.enrol('node-01')
    const target = { node_id: node.node_id }
    const { url, caFile } = system.controlPlane
    const acknowledged = new Map<string, string>()
    let count = 0
    const put = async (): Promise<void> => {
      const key = `key-${count++}`
      const payload = `${key} ${'x'.repeat(4_096)}`
      await system.admin.putData({
        params: { key },
        body: { target, content_type: 'text/plain', payload },
      })
      acknowledged.set(key, payload)
    }
    const trySendingLog = () =>
      node.call(controlApi.sendLogs, {
        body: [{ timestamp: '2025-01-15T10:30:00Z', message: randomBytes(2_048).toString('hex') }],
      })
    const sendLog = async () => (await trySendingLog()).status
    const ready = () => curl('--cacert', caFile, `${url}/readyz`)
    const held = async () => {
      const state = (await node.call(controlApi.getState)).json<NodeState>()
      return new Map(state.data.map(({ key, payload }) => [key, payload]))
    }

    await put()
    assert.equal(await sendLog(), 202)
    await disk?.fill(128 * 1024)
    const error = await refusal(put)
    assert.equal(error.status, 503)
    assert.match(error.message, /disk|space|full/)
    await until('it is not ready', async () => (await ready()).status === 503)
    assert.deepEqual((await ready()).json(), {
      error: 'nothing can be written to the disk (ENOSPC): make room in the data dir',
      code: 'unavailable',
    })
    assert.deepEqual(await held(), acknowledged)
    let logs = 1
    let status = await sendLog()
    for (; status === 202 && logs < 10_000; logs++) status = await sendLog()
    assert.equal(status, 429)
    const full = await trySendingLog()
    assert.match(full.json<{ error: string }>().error, /disk|space|full/)
    assert.ok(full.headers['retry-after'])
    assert.equal((await node.call(controlApi.heartbeat, { body: {} })).status, 200)
    assert.match(await system.controlPlane.program().log(), /"level":"error".*(disk|space|full)/i)

    await disk?.clear()
    await until('it takes writes again', () =>
      put().then(
        () => true,
        () => false,
      ),
    )
    assert.equal(await sendLog(), 202)
    assert.deepEqual(await held(), acknowledged)
    await until('it is ready', async () => (await ready()).status === 200)

    await disk?.fill(64 * 1024)
    await refusal(put)
    await system.controlPlane.end('SIGKILL')
    await disk?.clear()
    await system.controlPlane.start()
    assert.deepEqual(await held(), acknowledged)
    await put()
    assert.deepEqual(await held(), acknowledged)
    const { body } = await system.admin.listTelemetry({
      params: { node: node.node_id, kind: 'logs' },
      query: { limit: '1000' },
    })
    assert.ok(body.items.length >= Math.min(1_000, logs))
  })
}

/** An agent whose data lies on a disk of 8 MiB. */
async function startOnSmallDisk() {
  await using stack = new AsyncDisposableStack()
  const system = stack.use(await startSystem())
  const dataDir = join(system.folder, 'node-01', 'data')
  const disk = stack.use(await mountSmallDisk(dataDir, 8))
  const agent = stack.use(await system.startAgent('node-01'))
  const local = createClient(localApi, createUnixTransport(agent.socket, 5_000))
  const { body: node } = await system.admin.getNode({ params: { node: 'node-01' } })
  const opened = stack.move()
  return {
    ...{ system, dataDir, disk, agent, local, node },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

function agentTests(): void {
  it('refuses reports with 507, says so, reads on, loses nothing, and catches up with room', async () => {
    await using opened = await startOnSmallDisk()
    const { system, dataDir, disk, agent, local, node } = opened
    const acknowledged = new Map<string, string>()
    let count = 0
    const put = async (): Promise<void> => {
      const key = `key-${count++}`
      const payload = `${key} ${'x'.repeat(4_096)}`
      await local.putReport({ params: { key }, body: { content_type: 'text/plain', payload } })
      acknowledged.set(key, payload)
    }
    const held = async () => {
      const { body: keys } = await local.listReports({})
      const entries = await Promise.all(
        keys.map(async ({ key }) => (await local.getReport({ params: { key } })).body),
      )
      return new Map(entries.map(({ key, payload }) => [key, payload]))
    }
    const problems = async () => (await local.getStatus({})).body.problems
    const putData = (payload: string) =>
      system.admin.putData({
        params: { key: 'motd' },
        body: { target: { node_id: node.id }, content_type: 'text/plain', payload },
      })
    const motd = async () =>
      (await local.getData({ params: { key: 'motd' } }).catch(() => undefined))?.body.payload
    const sorted = (map: Map<string, unknown>) =>
      new Map([...map].sort(([a], [b]) => (a < b ? -1 : 1)))

    await put()
    await putData('first')
    await until('the data has come', async () => (await motd()) === 'first')
    await disk.fill(64 * 1024)
    const error = await refusal(put)
    assert.equal(error.status, 507)
    assert.match(error.message, /^the disk of this node takes nothing more: ENOSPC.*: make room/)
    assert.deepEqual(await problems(), [
      `nothing can be kept in "${dataDir}": ENOSPC: no space left on device, write: make room, plexd goes on by itself`,
    ])
    assert.deepEqual(sorted(await held()), sorted(acknowledged))
    await disk.fill()
    await putData(`second ${'y'.repeat(64 * 1024)}`)
    assert.match(await agent.program().log(), /"level":"(error|warn)".*(disk|space|ENOSPC|full)/i)

    await disk.clear()
    await until(
      'it takes reports again',
      () =>
        put().then(
          () => true,
          () => false,
        ),
      20_000,
    )
    await until(
      'the change has come',
      async () => String(await motd()).startsWith('second'),
      90_000,
    )
    assert.deepEqual(sorted(await held()), sorted(acknowledged))
    await until('no problem is left', async () => (await problems()).length === 0, 20_000)

    await disk.fill(32 * 1024)
    await refusal(put)
    await agent.end('SIGKILL')
    await disk.clear()
    await agent.start()
    assert.deepEqual(sorted(await held()), sorted(acknowledged))
    await put()
    await until(
      'all reports have arrived',
      async () => {
        const { body } = await system.admin.listReports({
          params: { node: node.id },
          query: { limit: '1000' },
        })
        const arrived = new Map(body.items.map(({ key, payload }) => [key, payload]))
        return [...acknowledged].every(([key, payload]) => arrived.get(key) === payload)
      },
      60_000,
    )
  })
}

function agentStartTests(): void {
  it('comes up with what it has, says so here and at the control plane, and goes on with room', async () => {
    await using opened = await startOnSmallDisk()
    const { system, dataDir, disk, agent, local, node } = opened
    const problems = async () => (await local.getStatus({})).body.problems.join()
    const report = (key: string, payload = 'x') =>
      local.putReport({ params: { key }, body: { content_type: 'text/plain', payload } })
    const putData = (payload: string) =>
      system.admin.putData({
        params: { key: 'motd' },
        body: { target: { node_id: node.id }, content_type: 'text/plain', payload },
      })
    const motd = () =>
      local.getData({ params: { key: 'motd' } }).then(
        ({ body }) => body.payload,
        () => undefined,
      )
    const said = async () =>
      (await system.admin.getNode({ params: { node: node.id } })).body.problems.join()

    await report('before')
    await putData('first')
    await until('the data has come', async () => (await motd()) === 'first')

    // Once with all that it keeps, once without the database, of which it has to make a new one.
    for (const lost of ['nothing', 'agent.db']) {
      await agent.end()
      await rm(join(dataDir, lost), { force: true })
      await disk.fill()
      await agent.start()
      assert.equal(await motd(), lost === 'nothing' ? 'first' : 'nothing')
      assert.equal((await local.getReport({ params: { key: 'before' } })).body.payload, 'x')
      assert.match(
        await problems(),
        /nothing can be kept in ".*": (ENOSPC|database or disk is full)/,
      )
      await assert.rejects(report('no room', 'x'.repeat(16_384)), { status: 507 })
      await until('the control plane has heard of it', async () =>
        /nothing can be k/.test(await said()),
      )
      const { stdout } = await system.plexctl('node', 'list')
      assert.match(stdout, /^node-01 \(!\) .* online, 1 problem .*\n.*nothing can be kept in "/m)
      await putData(lost)
      await until('a change comes all the same', async () => (await motd()) === lost)

      await disk.clear()
      await until('nothing is wrong', async () => (await problems()) === '', 20_000)
      await until('the control plane has heard of it', async () => (await said()) === '', 20_000)
      await report(`after ${lost}`)
      await agent.end('SIGKILL')
      await agent.start()
      await until('what came meanwhile is there', async () => (await motd()) === lost)
    }
    assert.equal((await local.getReport({ params: { key: 'after agent.db' } })).body.payload, 'x')
  })
}

/** Writes until a write is refused. */
async function refusal(write: () => Promise<void>): Promise<ApiError> {
  for (let attempt = 0; attempt < 20_000; attempt++) {
    try {
      await write()
    } catch (error) {
      if (error instanceof ApiError) return error
      throw error
    }
  }
  throw new Error('the disk never became full')
}
