import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatDuration } from '@plexd/protocol'
import { type Bounds, resolveLimits } from '@plexd/runtime'
import { oddValues } from '@plexd/runtime/testing'
import { limits } from '../limits.ts'
import { examineConfig } from './config.ts'
import { fileName } from './settings/setting.ts'
import { settingRows } from './settings.ts'

const texts = (number: number, { unit }: Bounds) =>
  unit === 'ms' ? formatDuration(number) : String(number)

describe('each setting of the control plane', () => {
  for (const [, row] of settingRows) {
    const name = fileName(row)
    if (name === 'limit') continue
    it(`${name} takes no value that is none, and says what it wants`, () => {
      for (const value of oddValues) {
        const taken = attempt(() => row.from(value))
        if (taken.error !== undefined) assert.match(taken.error, new RegExp(name), String(value))
        else if (typeof taken.value === 'number') assert.ok(isWithin(taken.value, row.bounds))
      }
    })
    const { bounds } = row
    if (bounds)
      it(`${name} is from ${bounds.min} to ${bounds.max} ${bounds.unit}`, () => {
        for (const number of [bounds.min, bounds.max])
          assert.equal(numberOf(row.from(texts(number, bounds))), number)
        for (const number of [bounds.min - 1, bounds.max + 1])
          if (number !== 0 || bounds.zero === undefined)
            assert.throws(() => row.from(texts(number, bounds)), /want (at least|at most|a whole)/)
      })
    else
      it(`${name} has no number without bounds`, () =>
        assert.notEqual(typeof attempt(() => row.from(undefined)).value, 'number'))
  }
})

describe('each path in the settings of the control plane', () => {
  const here = import.meta.filename
  const wanted = settingRows.filter(([, { wants }]) => wants)
  const there = { tls_cert: here, tls_key: here, backup_unencrypted: true }
  /** Without which it would be of no use. */
  const wants = new Map([['database_password_file', { database_url: 'postgres://db/plexd' }]])

  for (const [, row] of wanted)
    it(`${fileName(row)} has to be a ${row.wants} that is there`, () => {
      const key = fileName(row)
      const of = (path: string) => examineConfig({ ...there, ...wants.get(key), [key]: path })
      const [right, wrong] =
        row.wants === 'file' ? [here, import.meta.dirname] : [import.meta.dirname, here]
      assert.deepEqual(of(right), [])
      const detail = `${JSON.stringify(wrong)} is no ${row.wants}`
      assert.deepEqual(of(wrong), [{ key, state: 'missing', detail }])
      const none = `there is no ${row.wants} "/no/such"`
      assert.deepEqual(of('/no/such'), [{ key, state: 'missing', detail: none }])
      assert.equal(of('/no/such\0')[0]?.state, 'missing')
    })

  it('of a forward is looked for too', () => {
    const forward = { name: 'f', kind: 'loki', url: 'https://x', header_files: { a: '/no/such' } }
    const [finding] = examineConfig({ forwards: [forward] })
    assert.equal(finding?.detail, 'there is no file "/no/such"')
  })
})

describe('each limit of the control plane', () => {
  for (const [name, { default: standard, min, max }] of Object.entries(limits))
    it(`${name} is from ${min} to ${max}`, () => {
      for (const value of [standard, min, max, String(max)])
        assert.equal(resolveLimits(limits, { [name]: value })[name as never], Number(value))
      for (const value of [0, min - 1, max + 1, ...oddValues.filter((one) => one !== undefined)])
        assert.throws(
          () => resolveLimits(limits, { [name]: value }),
          new RegExp(`^Error: limit ${name} is ".*": want a whole number from ${min} to ${max}`),
        )
    })
})

function attempt(read: () => unknown): { value?: unknown; error?: string } {
  try {
    return { value: read() }
  } catch (error) {
    return { error: (error as Error).message }
  }
}

function isWithin(number: number, bounds: Bounds | undefined): boolean {
  return bounds !== undefined && ((number >= bounds.min && number <= bounds.max) || number === 0)
}

/** Of backups, the rhythm may be a cron expression too. */
function numberOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'everyMs' in value ? value.everyMs : value
}
