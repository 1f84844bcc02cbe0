import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { builtins } from '../actions/builtin/index.ts'
import { defaultConfig } from '../config/agent-config.ts'
import { makeFolder } from '../testing/node.ts'
import { runAlone } from './run-alone.ts'

const root = process.getuid?.() === 0

describe('runAlone', () => {
  it('runs what needs no daemon, in the name of an emergency', async () => {
    await using folder = await makeFolder()
    const config = { ...defaultConfig, dataDir: folder.path, actionsEnabled: false }
    const result = await runAlone(config, { action: 'system.info' })
    assert.partialDeepStrictEqual(result, {
      status: 'success',
      action: 'system.info',
      triggered_by: { type: 'local_emergency' },
    })
    const collected = await runAlone(config, { action: 'diagnostics.collect' })
    assert.equal(collected.status, 'success')
    assert.deepEqual(JSON.parse(collected.stdout ?? '').policies, {
      error: 'this runs without the daemon',
    })
  })

  it('refuses every other action, and says which there are', async () => {
    const config = { ...defaultConfig, dataDir: '/' }
    for (const { name, standsAlone } of builtins)
      if (!standsAlone)
        await assert.rejects(
          runAlone(config, { action: name }),
          /without the daemon: it needs the daemon: possible are diagnostics\.collect, /,
        )
    await assert.rejects(
      runAlone(config, { action: 'hooks/backup' }),
      /without the daemon: it is no built-in action: possible are diagnostics/,
    )
  })

  it('refuses wrong parameters and timeouts', async () => {
    await using folder = await makeFolder()
    const config = { ...defaultConfig, dataDir: folder.path }
    const run = { action: 'system.info' }
    await assert.rejects(runAlone(config, { ...run, parameters: { x: '1' } }), /"x" is not a param/)
    await assert.rejects(runAlone(config, { ...run, timeout: '0s' }), /--timeout "0s": want/)
    await assert.rejects(
      runAlone(config, { ...run, timeout: '99h' }),
      /timeout "99h": want at most/,
    )
  })

  it('is for root and the owner of the data dir', async (t) => {
    if (!root) return void t.skip('being another user needs root')
    await using folder = await makeFolder()
    const config = { ...defaultConfig, dataDir: folder.path }
    process.seteuid?.(1234)
    try {
      await assert.rejects(runAlone(config, { action: 'system.info' }), /run this as root/)
    } finally {
      process.seteuid?.(0)
    }
  })
})
