import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { DaemonStatus } from '@plexd/protocol'
import { until } from '@plexd/runtime/testing'
import type { Static } from 'typebox'
import { type AgentProcess, startAgentProcess } from '../../scripts/programs/agent.ts'
import { runProgram } from '../../scripts/programs/program.ts'
import { curlSocket } from '../support/curl.ts'
import { type System, startSystem } from '../support/system.ts'
import { type Instead, type Middlebox, startMiddlebox } from './middlebox.ts'

const page = (status: number): Instead => ({
  status,
  headers: { 'content-type': 'text/html' },
  body: '<html><head><title>Access Denied</title></head></html>',
})

const foreign: readonly [string, Instead][] = [
  ['404 with a page', page(404)],
  ['a login page', page(200)],
  ['401 with nothing', { status: 401 }],
]
const report = JSON.stringify({ content_type: 'application/json', payload: 1 })

describe('a node behind a proxy that answers in the place of the control plane', () => {
  let system: System
  let box: Middlebox
  let agent: AgentProcess

  const status = async () =>
    (await curlSocket(agent.socket, '/v1/status')).json<Static<typeof DaemonStatus>>()
  const problems = async (): Promise<string> => (await status()).problems.join('\n')
  const isConnected = async () => (await status()).control_plane.stream === 'connected'

  before(async () => {
    system = await startSystem()
    box = await startMiddlebox(system.folder, system.controlPlane)
    agent = await startAgentProcess(system.folder, {
      hostname: 'node-01',
      token: await system.bootstrapToken(),
      controlPlane: box,
    })
    await until('its stream is open', isConnected)
  })
  after(async () => {
    await agent[Symbol.asyncDispose]()
    await box[Symbol.asyncDispose]()
    await system[Symbol.asyncDispose]()
  })

  it('keeps the result of an action that a page refuses, and the report that nothing took', async () => {
    box.answer = (path) => {
      if (path.endsWith('/result')) return page(400)
      return path.endsWith('/report') ? { status: 200 } : undefined
    }
    const params = { node: 'node-01' }
    const { body } = await system.admin.runAction({ params, body: { action: 'system.info' } })
    await curlSocket(agent.socket, '/v1/state/report/k', '-X', 'PUT', '-d', report)
    await until('both were answered', () =>
      ['/result', '/report'].every((end) => box.answered.some((path) => path.endsWith(end))),
    )
    assert.equal((await status()).counts.reports_unsynced, 1)
    box.answer = () => undefined
    await until(
      'the result is there',
      async () => {
        const execution = await system.admin.getExecution({ params: { execution_id: body.id } })
        return execution.body.status === 'success'
      },
      30_000,
    )
    await until(
      'the report is there',
      async () => {
        const { body } = await system.admin.listReports({ params })
        return body.items.some(({ key }) => key === 'k')
      },
      30_000,
    )
  })

  for (const [what, instead] of foreign)
    it(`tries on through ${what}, and says what it is`, async () => {
      box.answer = () => instead
      box.cut()
      const text = await until('it is a problem', async () => {
        const seen = await problems()
        return seen.includes('something on the way answered') && seen
      })
      assert.match(text, new RegExp(`answered ${instead.status}.*from 127\\.0\\.0\\.1:`))
      assert.doesNotMatch(text, /deregister/)
      box.answer = () => undefined
      await until('the stream is open again', isConnected, 20_000)
      await until('nothing is wrong any more', async () => (await problems()) === '', 40_000)
    })

  it('is told by plexd doctor that TLS is not answered, where something takes the connection', async () => {
    const silent = createServer((socket) => socket.on('error', () => {}).resume())
    await once(silent.listen(0, '127.0.0.1'), 'listening')
    const { port } = silent.address() as AddressInfo // it listens on TCP
    const flags = ['--api', `https://127.0.0.1:${port}`, '--socket', agent.socket]
    const { stdout } = await runProgram('plexd', ['doctor', ...flags])
    assert.match(stdout, /127\.0\.0\.1 took the connection and did not answer the TLS handshake/)
    silent.close()
  })

  it('is not deregistered by a page, and stays a node', async () => {
    box.answer = () => page(404)
    const identity = join(agent.dataDir, 'identity.json')
    const known = await readFile(identity, 'utf8')
    assert.equal(JSON.parse(known).marked_answers, true)
    const flags = ['--api', box.url, '--ca-file', box.caFile, '--data-dir', agent.dataDir]
    const left = await runProgram('plexd', ['deregister', ...flags])
    assert.notEqual(left.code, 0)
    assert.match(left.stderr, /something on the way answered 404/)
    const { stdout } = await runProgram('plexd', ['doctor', '--socket', agent.socket, ...flags])
    assert.match(stdout, /something on the way answered 404/)
    assert.equal(await readFile(identity, 'utf8'), known)
    box.answer = () => undefined
  })
})
