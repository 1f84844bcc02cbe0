import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { choose, type Outcome } from './choice.ts'

const outcomes: readonly Outcome[] = ['answered', 'waiting', 'unsent', 'lost']

/** Every outcome of every one of so many control planes. */
function* everyRow(length: number): Generator<Outcome[]> {
  if (length === 0) return yield []
  for (const row of everyRow(length - 1)) for (const outcome of outcomes) yield [...row, outcome]
}

describe('choose', () => {
  it('sends what changes something to one control plane that may have done it, and to no other', () => {
    for (const length of [1, 2, 3, 4, 5])
      for (const row of everyRow(length)) for (const isRead of [true, false]) check(row, isRead)
  })

  it('knows of a change that was lost that it may be done, also at the last one', () => {
    for (const left of [0, 1])
      assert.equal(choose({ outcome: 'lost', isRead: false, left }), 'unknown')
    assert.equal(choose({ outcome: 'lost', isRead: true, left: 1 }), 'next')
    assert.equal(choose({ outcome: 'waiting', isRead: false, left: 0 }), 'fail')
  })
})

/** Each control plane has one outcome for whoever asks it. */
function check(row: readonly Outcome[], isRead: boolean): void {
  const asked: Outcome[] = []
  let choice: ReturnType<typeof choose> = 'next'
  while (choice === 'next') {
    const outcome = row[asked.length]
    assert.ok(outcome, 'it went on after the last one')
    asked.push(outcome)
    choice = choose({ outcome, isRead, left: row.length - asked.length })
  }
  const mayBeDone = asked.filter((one) => one === 'answered' || one === 'lost')
  if (!isRead) assert.ok(mayBeDone.length <= 1, 'it was sent to two that may have done it')
  assert.equal(choice === 'take', asked.at(-1) === 'answered')
  if (choice === 'unknown') assert.ok(!isRead && asked.at(-1) === 'lost')
  if (choice === 'fail') assert.equal(asked.length, row.length, 'it gave up before the last one')
}
