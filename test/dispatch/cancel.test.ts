import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { until } from '@plexd/runtime/testing'
import { startSystem } from '../support/system.ts'
import { startAgentWithHook, writeHook } from './with-hook.ts'

it('cancels what runs, also when the agent was away, and what does not heed it', async () => {
  await using system = await startSystem()
  const file = join(system.folder, 'lives')
  // It would write for a minute, and ignores the first signal.
  const script = `trap '' TERM; i=0; while [ $i -lt 600 ]; do echo x >> "${file}"; sleep 0.1; i=$((i + 1)); done`
  const args = await writeHook(system, 'stubborn', script)
  const agent = await startAgentWithHook(system, 'web-01', args)
  const { admin } = system

  const started = await admin.runAction({
    params: { node: 'web-01' },
    body: { action: 'stubborn', timeout: '2m' },
  })
  const params = { execution_id: started.body.id }
  const read = async () => (await admin.getExecution({ params })).body
  await until('it runs', async () => (await read()).status === 'accepted')
  await until('it writes', async () => (await sizeOf(file)) > 0)

  agent.program().child.kill('SIGSTOP')
  const { stdout } = await system.plexctl('action', 'cancel', params.execution_id)
  assert.match(stdout, /the node was told to end it/)
  assert.equal((await read()).status, 'accepted')
  agent.program().child.kill('SIGCONT')

  await until('it has ended', async () => (await read()).status !== 'accepted')
  const { status, stderr } = await read()
  assert.equal(status, 'cancelled')
  assert.match(stderr, /cancelled by the control plane/)
  const size = await sizeOf(file)
  await delay(500)
  assert.equal(await sizeOf(file), size, 'nothing of it goes on')
})

async function sizeOf(file: string): Promise<number> {
  return (await readFile(file).catch(() => Buffer.alloc(0))).length
}
