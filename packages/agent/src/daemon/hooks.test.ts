import assert from 'node:assert/strict'
import { appendFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createClient, localApi } from '@plexd/protocol'
import { createUnixTransport } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { type FakeControlPlane, startFakeControlPlane } from '../testing/fake-control-plane.ts'
import { configFor, makeFolder, startTestAgent } from '../testing/node.ts'

describe('the hooks of a daemon', () => {
  it('are announced, run when asked for, and reported when somebody has changed them', async () => {
    await using folder = await makeFolder()
    await using plane = await startFakeControlPlane()
    const hooksDir = join(folder.path, 'hooks.d')
    const hook = join(hooksDir, 'greet')
    await mkdir(hooksDir, { mode: 0o755 })
    await writeFile(hook, '#!/bin/sh\necho "hello $PLEXD_PARAM_WHO on $PLEXD_NODE_ID"\n', {
      mode: 0o755,
    })
    await writeFile(`${hook}.json`, '{"parameters":[{"name":"who","type":"string"}]}')
    const config = await configFor(plane, folder.path, { hooksDir })
    await using _ = await startTestAgent(config)
    await until('a stream', () => plane.openStreams() === 1)

    const { hooks } = announcedBy(plane)
    assert.partialDeepStrictEqual(hooks, [
      { name: 'greet', source: 'script', sandbox: 'none', parameters: [{ name: 'who' }] },
    ])
    // Without the name of the algorithm, as Go nodes announce it.
    const checksum = hooks[0].checksum.slice('sha256:'.length)
    await ask(plane, 'exec_1', checksum)
    const { body: result } = await until('a result', () => plane.sent('/exec_1/result')[0])
    assert.partialDeepStrictEqual(result, { status: 'success', stdout: 'hello you on n_test\n' })

    await appendFile(hook, 'echo evil\n')
    await ask(plane, 'exec_2', checksum)
    const { body: ack } = await until('a refusal', () => plane.sent('/exec_2/ack')[0])
    assert.partialDeepStrictEqual(ack, { status: 'rejected', reason: 'integrity violation' })
    const { body: violation } = await until('a report', () => plane.sent('/violations')[0])
    assert.partialDeepStrictEqual(violation, {
      type: 'hook',
      path: hook,
      expected_checksum: hooks[0].checksum,
    })

    const local = createClient(localApi, createUnixTransport(config.socketPath))
    const { body: reloaded } = await local.reloadHooks({})
    assert.equal(reloaded.hooks[0]?.state, 'ready')
    const { body: announced } = await until('capabilities', () => plane.sent('/capabilities')[0])
    assert.equal(Object(announced).hooks[0].checksum, Object(violation).actual_checksum)
    await ask(plane, 'exec_3', reloaded.hooks[0]?.checksum ?? '')
    const { body: last } = await until('the last result', () => plane.sent('/exec_3/result')[0])
    assert.partialDeepStrictEqual(last, { stdout: 'hello you on n_test\nevil\n' })
  })

  it('are none if they are switched off', async () => {
    await using folder = await makeFolder()
    await using plane = await startFakeControlPlane()
    const hooksDir = join(folder.path, 'hooks.d')
    await mkdir(hooksDir, { mode: 0o755 })
    await writeFile(join(hooksDir, 'greet'), '#!/bin/sh\n', { mode: 0o755 })
    const config = await configFor(plane, folder.path, { hooksDir, hooksEnabled: false })
    await using _ = await startTestAgent(config)
    assert.deepEqual(announcedBy(plane).hooks, [])
    const local = createClient(localApi, createUnixTransport(config.socketPath))
    assert.deepEqual((await local.listHooks({})).body, {
      hooks: [],
      warnings: ['hooks are off: hooks.enabled is false'],
    })
  })
})

/** At registration. */
function announcedBy(plane: FakeControlPlane) {
  return Object(plane.sent('/v1/register')[0]?.body).capabilities
}

function ask(plane: FakeControlPlane, execution_id: string, checksum: string): Promise<string> {
  return plane.publish('action_request', {
    execution_id,
    action: 'greet',
    type: 'hook',
    checksum,
    parameters: { who: 'you' },
    timeout: '30s',
  })
}
