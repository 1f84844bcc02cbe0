import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { defaultConfig } from '../config/agent-config.ts'
import { reloading, settingRows } from '../config/settings.ts'
import { takeOver } from './reload.ts'

describe('takeOver', () => {
  it('changes the settings that may change, and names the others by their keys', () => {
    for (const [name, { keys }] of settingRows) {
      const running = { ...defaultConfig }
      const other = name === 'logsFiles' ? ['/other'] : 'other'
      const next = Object.assign({ ...defaultConfig }, { [name]: other })
      const report = takeOver(running, next)
      const isReloading = reloading.has(name)
      assert.deepEqual(report, {
        changed: isReloading ? [keys[0]] : [],
        needs_restart: isReloading ? [] : [keys[0]],
        unknown: [],
        ignored: [],
      })
      assert.equal(running[name], isReloading ? 'other' : defaultConfig[name])
      assert.deepEqual(takeOver(running, next).changed, [], 'nothing is left to change')
    }
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
