import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatDuration } from '@plexd/protocol'
import { resolveLimits } from '@plexd/runtime'
import { oddValues } from '@plexd/runtime/testing'
import { limits } from './limits.ts'
import { examineConfig } from './load-config.ts'
import { boundsOf } from './settings/setting.ts'
import { settingRows } from './settings.ts'

describe('each setting of plexd', () => {
  for (const [name, { read, default: preset }] of settingRows) {
    const bounds = boundsOf(read)
    it(`${name} takes no value that is none, and says what it wants`, () => {
      for (const value of oddValues) {
        let taken: unknown
        try {
          taken = read(value)
        } catch (error) {
          assert.match((error as Error).message, /\S/)
        }
        if (typeof taken === 'number')
          assert.ok(bounds && taken >= bounds.min && taken <= bounds.max, String(value))
      }
    })
    if (typeof preset === 'number') it(`${name} has bounds`, () => assert.ok(bounds))
    if (!bounds) continue
    const { min, max, unit } = bounds
    it(`${name} is from ${min} to ${max} ${unit}`, () => {
      const written = (number: number) => (unit === 'ms' ? formatDuration(number) : number)
      for (const number of [min, max]) assert.equal(read(written(number)), number)
      for (const number of [min - 1, max + 1])
        assert.throws(() => read(written(number)), /want (at least|at most|a whole number from) /)
    })
  }
})

describe('each path in the settings of plexd', () => {
  for (const [name, { keys, wants }] of settingRows)
    if (wants)
      it(`${name} has to be a ${wants} that is there`, () => {
        const [key] = keys
        const [finding, ...others] = examineConfig({ [key]: '/no/such' })
        const detail = `there is no ${wants} "/no/such"`
        assert.deepEqual([finding, others], [{ key, state: 'missing', detail }, []])
        const here = wants === 'file' ? import.meta.filename : import.meta.dirname
        assert.deepEqual(examineConfig({ [key]: here }), [])
      })
})

describe('each limit of plexd', () => {
  for (const [name, { default: standard, min, max }] of Object.entries(limits))
    it(`${name} is from ${min} to ${max}`, () => {
      for (const value of [standard, min, max])
        assert.equal(resolveLimits(limits, { [name]: value })[name as never], value)
      for (const value of [0, min - 1, max + 1, ...oddValues])
        assert.throws(() => resolveLimits(limits, { [name]: value }), /: want a whole number from /)
    })
})
