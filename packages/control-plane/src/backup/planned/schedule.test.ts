import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { backupName, excessOf, isDue, isRemnant } from './schedule.ts'

const minute = 60_000
const hour = 60 * minute
const at = (text: string): number => Date.parse(`2026-03-10T${text}Z`)

describe('isDue', () => {
  const none = { lastSuccessMs: undefined, lastFailureMs: undefined }
  const daily = { cron: '30 3 * * *', time_zone: 'UTC' }

  it('is true at once where there is no backup yet', () => {
    for (const rhythm of [daily, { everyMs: hour }])
      assert.equal(isDue({ rhythm, ...none, nowMs: at('12:00') }), true)
  })

  it('counts a duration from the last success', () => {
    const since = (nowMs: number): boolean =>
      isDue({ ...none, rhythm: { everyMs: hour }, lastSuccessMs: at('12:00'), nowMs })
    assert.deepEqual([since(at('12:59:59')), since(at('13:00'))], [false, true])
  })

  it('does not wait for a success that is still to come: the clock was ahead then', () => {
    for (const rhythm of [daily, { everyMs: hour }])
      assert.equal(
        isDue({ ...none, rhythm, lastSuccessMs: at('12:00') + 9_000 * hour, nowMs: at('12:00') }),
        true,
      )
  })

  it('makes up for a time that was missed, once', () => {
    const after = (lastSuccessMs: number): boolean =>
      isDue({ ...none, rhythm: daily, lastSuccessMs, nowMs: at('09:00') })
    assert.deepEqual([after(at('03:29')), after(at('03:30:05'))], [true, false])
  })

  it('waits a quarter of an hour after a failure, unless the clock was set back', () => {
    const now = (nowMs: number): boolean =>
      isDue({ rhythm: daily, lastSuccessMs: undefined, lastFailureMs: at('12:00'), nowMs })
    assert.deepEqual([now(at('12:01')), now(at('12:15')), now(at('11:00'))], [false, true, true])
  })
})

describe('excessOf', () => {
  const nowMs = at('12:00')
  const names = [1, 2, 3, 4].map((hours) => backupName(nowMs - hours * hour, true))

  it('keeps the newest', () => {
    const excess = excessOf(names, { keep: 2, keepForMs: undefined, nowMs })
    assert.deepEqual(excess, names.slice(2))
  })

  it('keeps older ones so long as is said', () => {
    const excess = excessOf(names, { keep: 2, keepForMs: 3.5 * hour, nowMs })
    assert.deepEqual(excess, names.slice(3))
  })

  it('keeps those of now where the clock was ahead once, or is behind', () => {
    const ahead = [1, 2, 3].map((days) => backupName(nowMs + days * 24 * hour, true))
    const kept = { keep: 2, keepForMs: undefined, nowMs }
    assert.deepEqual(
      excessOf([...ahead, ...names], kept).toSorted(),
      [...ahead, ...names.slice(2)].toSorted(),
    )
    assert.deepEqual(excessOf([...ahead, names[0] ?? ''], kept), ahead.slice(0, 2).toReversed())
  })

  it('leaves alone what no schedule has made', () => {
    const foreign = [
      'notes.txt',
      'plexd-20261399T000000Z.tar.zst',
      'plexd.tar.zst.age',
      'plexd-20260310T110000Z.tar.zst.age.asc',
    ]
    assert.deepEqual(excessOf(foreign, { keep: 1, keepForMs: undefined, nowMs }), [])
    assert.equal(isRemnant(`${names[0]}.0123abcd.partial`), true)
    assert.equal([...foreign, ...names].some(isRemnant), false)
  })
})
