import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { ReportChange } from '../../state/reports/report-store.ts'
import { createSetbacks } from './setbacks.ts'

const keys = ['a', 'b', 'c']
const answers = ['confirmed', 'conflict', 'refused', 'no answer'] as const

describe('createSetbacks', () => {
  it('sends each change until it is taken or refused, and knows nothing of a key that is taken', () => {
    const step = fc.record({
      key: fc.constantFrom(...keys),
      isWritten: fc.boolean(),
      answer: fc.constantFrom(...answers),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const setbacks = createSetbacks()
        const unsynced = new Map<string, ReportChange>()
        const inARow = new Map<string, number>()
        let version = 0
        for (const { key, isWritten, answer } of steps) {
          if (isWritten) unsynced.set(key, aChange(key, ++version))
          const change = [...setbacks.open(unsynced.values())].find((one) => one.key === key)
          if (!change) continue
          if (answer === 'confirmed') {
            setbacks.confirmed([change])
            unsynced.delete(key)
          } else if (answer === 'refused') setbacks.putAside(change)
          else if (answer === 'conflict') {
            const isWorthIt = setbacks.conflicts(key)
            if (isWorthIt) unsynced.set(key, aChange(key, ++version))
            else setbacks.putAside(change)
          }
          const times = answer === 'conflict' ? (inARow.get(key) ?? 0) + 1 : 0
          if (answer !== 'no answer') inARow.set(key, times % 4)
          const open = [...setbacks.open(unsynced.values())]
          assert.equal(open.length + setbacks.count(unsynced.values()), unsynced.size)
          assert.equal(open.includes(change), answer === 'no answer', answer)
          if (answer === 'conflict') assert.equal(unsynced.get(key) === change, times === 4)
        }
        assert.ok(setbacks.size() <= unsynced.size, 'no more than what waits')
        for (const key of keys) setbacks.confirmed([aChange(key, ++version)])
        assert.equal(setbacks.size(), 0)
      }),
    )
  })
})

function aChange(key: string, version: number): ReportChange {
  return { op: 'delete', key, version }
}
