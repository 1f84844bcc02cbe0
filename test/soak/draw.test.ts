import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { drawSteps } from './draw.ts'

const choices = { conditions: ['a', 'b', 'c', 'd'], victims: ['web', 'db'], longestMs: 100 }

describe('drawSteps', () => {
  it('draws the same for the same seed, and something else for another', () => {
    const [one, same, other] = [1, 1, 2].map((seed) => JSON.stringify(first(40, seed)))
    assert.equal(one, same)
    assert.notEqual(one, other)
  })

  it('brings each condition before one comes twice', () => {
    const steps = first(40, 7).map(({ condition }) => condition)
    for (let round = 0; round < 40; round += 4)
      assert.deepEqual(steps.slice(round, round + 4).toSorted(), choices.conditions)
  })

  it('strikes all of them, for no longer than is asked', () => {
    const steps = first(40, 3)
    assert.deepEqual([...new Set(steps.map(({ victim }) => victim))].toSorted(), ['db', 'web'])
    assert.ok(steps.every(({ holdMs }) => holdMs >= 0 && holdMs <= choices.longestMs))
  })
})

function first(count: number, seed: number) {
  return drawSteps(seed, choices).take(count).toArray()
}
