import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { defaultConfig } from '../config/agent-config.ts'
import { reloading, settingRows } from '../config/settings.ts'
import { createProblems } from '../health/problems.ts'
import { readAgain, takeOver } from './reload.ts'

describe('takeOver', () => {
  it('changes the settings that may change, and names the others by their keys', () => {
    for (const [name, { keys, registers }] of settingRows) {
      const running = { ...defaultConfig }
      const other = name === 'logsFiles' ? ['/other'] : 'other'
      const next = Object.assign({ ...defaultConfig }, { [name]: other })
      const report = takeOver(running, next)
      const isReloading = reloading.has(name)
      assert.deepEqual(report, {
        changed: isReloading ? [keys[0]] : [],
        needs_restart: isReloading || registers ? [] : [keys[0]],
        unknown: [],
        ignored: [],
      })
      assert.equal(running[name], isReloading ? 'other' : defaultConfig[name])
      assert.deepEqual(takeOver(running, next).changed, [], 'nothing is left to change')
    }
  })

  it('names nothing that a join string said, and that has been done', () => {
    const fingerprint = `sha256:${'0'.repeat(64)}`
    const next = { ...defaultConfig, apiUrl: 'https://cp', caFile: '/pinned' }
    const joined = { ...next, tokenValue: 'plx_enroll_test', caFingerprint: fingerprint }
    assert.deepEqual(takeOver({ ...joined }, next).needs_restart, [])
    const moved = { ...next, caFile: undefined }
    assert.deepEqual(takeOver({ ...joined }, moved).needs_restart, ['ca_file', 'ca_fingerprint'])
  })

  it('names the proxy of the environment, and finds no difference where there is none', () => {
    const next = { ...structuredClone(defaultConfig), hostnameChosen: true }
    assert.deepEqual(takeOver({ ...defaultConfig }, next), {
      changed: [],
      needs_restart: [],
      unknown: [],
      ignored: [],
    })
    const proxied = { ...next, proxyUrl: 'http://proxy:3128' }
    assert.deepEqual(takeOver({ ...defaultConfig }, proxied).needs_restart, ['proxy'])
  })
})

describe('readAgain', () => {
  it('names settings that cannot be read until they can', async () => {
    const problems = createProblems()
    const wrong = new Error('config "/c": mesh.listen_port: "a": want a whole number')
    await assert.rejects(
      readAgain(() => Promise.reject(wrong), problems),
      wrong,
    )
    assert.match(problems.of('settings'), /next start would fail: config "\/c": mesh.*: mend that/)
    await readAgain(async () => defaultConfig, problems)
    assert.equal(problems.of('settings'), '')
  })
})
