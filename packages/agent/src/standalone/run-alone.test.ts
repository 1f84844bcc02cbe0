import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type Log, silentLog } from '@plexd/runtime'
import { builtins } from '../actions/builtin/index.ts'
import { defaultConfig } from '../config/agent-config.ts'
import { makeHookPlace } from '../hooks/testing/hook-place.ts'
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
    await using folder = await makeFolder()
    const config = { ...defaultConfig, dataDir: folder.path, hooksDir: join(folder.path, 'none') }
    for (const { name, standsAlone } of builtins)
      if (!standsAlone)
        await assert.rejects(
          runAlone(config, { action: name }),
          /without the daemon: it needs the daemon: possible are diagnostics\.collect, /,
        )
    await assert.rejects(
      runAlone(config, { action: 'hooks/backup' }),
      /without the daemon: it is no built-in action and no hook: possible are diagnostics/,
    )
  })

  it('runs hooks as their files declare them, changed ones not', async () => {
    await using place = await makeHookPlace()
    const config = { ...defaultConfig, ...place.config, limits: defaultConfig.limits }
    await place.write('show', '#!/bin/sh\necho "$PLEXD_ACTION_NAME $PLEXD_PARAM_WHO"\n')
    await place.write('show.json', '{"parameters":[{"name":"who","type":"string"}]}', 0o644)
    const run = { action: 'hooks/show', parameters: { who: 'me' } }
    assert.partialDeepStrictEqual(await runAlone(config, run), {
      status: 'success',
      stdout: 'show me\n',
    })
    assert.equal(existsSync(join(place.dataDir, 'hooks.json')), false, 'nothing is announced')
    await (await place.start())[Symbol.asyncDispose]()
    await place.write('show', '#!/bin/sh\necho evil\n')
    await assert.rejects(runAlone(config, run), /its file is another than was announced/)
    await assert.rejects(
      runAlone({ ...config, hooksEnabled: false }, run),
      /it is no built-in action and no hook/,
    )
  })

  it('keeps a record of who ran what, and how it ended', async () => {
    await using folder = await makeFolder()
    const config = { ...defaultConfig, dataDir: folder.path }
    const { execution_id } = await runAlone(config, { action: 'system.info' })
    await assert.rejects(runAlone(config, { action: 'system.info', parameters: { x: 'secret' } }))
    const text = await readFile(join(folder.path, 'local-actions.log'), 'utf8')
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual(
      lines.map(({ action, user, status }) => [action, user, status]),
      [
        ['system.info', userInfo().username, 'asked'],
        ['system.info', userInfo().username, 'success'],
        ['system.info', userInfo().username, 'asked'],
        ['system.info', userInfo().username, lines[3].status],
      ],
    )
    assert.equal(lines[0].execution_id, execution_id)
    assert.match(lines[3].status, /^refused: invalid_parameters: "x" is not a parameter: .+$/)
    assert.doesNotMatch(text, /secret/)
  })

  it('runs all the same where it cannot be recorded', async () => {
    await using folder = await makeFolder()
    await mkdir(join(folder.path, 'local-actions.log'))
    const warnings: string[] = []
    const log: Log = { ...silentLog, warn: (message) => warnings.push(message) }
    const config = { ...defaultConfig, dataDir: folder.path }
    assert.equal((await runAlone(config, { action: 'system.info' }, log)).status, 'success')
    assert.deepEqual(warnings, ['action is not recorded', 'action is not recorded'])
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
