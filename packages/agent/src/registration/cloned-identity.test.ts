import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { startControlPlane } from '@plexd/control-plane/testing'
import { createFakeClock, until } from '@plexd/runtime/testing'
import { configFor, makeFolder, startTestAgent, type TestAgent } from '../testing/node.ts'

describe('a copy of a data dir on another machine', () => {
  it('is reported to both machines and to operators until one of them is gone; a restart is no copy', async () => {
    const clock = createFakeClock(Date.now())
    await using folder = await makeFolder()
    const log = recordingLog()
    await using plane = await startControlPlane({ clock, log })
    const configOf = async (name: string) =>
      configFor(plane, join(folder.path, name), {
        hostname: 'web-01',
        tokenValue: await plane.createToken(),
        heartbeatMs: 200,
      })
    const original = await configOf('original')
    const nodeNow = async () => (await plane.admin.getNode({ params: { node: 'web-01' } })).body

    await (await startTestAgent(original))[Symbol.asyncDispose]()
    await clock.advance(10_000)
    await using web = await startTestAgent(original)
    await until('a heartbeat', async () => hasBeaten(web))
    await clock.advance(10_000)
    assert.equal((await nodeNow()).identity_in_use, null)

    const copied = await configOf('copy')
    await cp(original.dataDir, copied.dataDir, { recursive: true })
    const copy = await startTestAgent(copied)
    await until('a heartbeat', async () => hasBeaten(copy))
    await clock.advance(6_000)

    const doBothKnow = async (): Promise<boolean> => {
      await clock.advance(100)
      return [web, copy].every(knowsCopy)
    }
    await until('both know', doBothKnow, 10_000)
    assert.deepEqual((await nodeNow()).identity_in_use?.addresses, ['127.0.0.1', '127.0.0.1'])
    const problem = copy.agent.status().problems.join()
    assert.ok(problem.includes(`remove its data dir (here ${copied.dataDir})`))
    const warnings = log.lines.filter((line) => line.startsWith('two machines have one identity'))
    assert.equal(warnings.length, 1)

    await copy[Symbol.asyncDispose]()
    await clock.advance(100_000)
    await until('it is over', async () => !knowsCopy(web), 10_000)
    assert.equal((await nodeNow()).identity_in_use, null)
  })
})

function hasBeaten({ agent }: TestAgent): boolean {
  return agent.status().control_plane.last_heartbeat_at !== null
}

function knowsCopy({ agent }: TestAgent): boolean {
  return agent.status().problems.some((text) => text.startsWith('another machine has the identity'))
}

function recordingLog() {
  const lines: string[] = []
  const record = (message: string): void => void lines.push(message)
  return { lines, debug() {}, info() {}, warn: record, error: record }
}
