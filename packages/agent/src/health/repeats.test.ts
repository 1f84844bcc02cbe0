import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createFakeClock } from '@plexd/runtime/testing'
import { createProblems } from './problems.ts'
import { createRepeats } from './repeats.ts'

it('what is put right again and again is a problem, until it has been well for a minute', async () => {
  const clock = createFakeClock()
  const problems = createProblems()
  const describe = (times: number, last: string): string => `${times} times, last ${last}`
  const repeats = createRepeats({ part: 'interface', manyTimes: 5, describe, problems, clock })
  for (let times = 1; times < 5; times++) repeats.add('MTU')
  assert.equal(problems.of('interface'), '')
  await clock.advance(30_000)
  repeats.add('gone')
  assert.equal(problems.of('interface'), '5 times, last gone')
  await clock.advance(31_000)
  repeats.check()
  assert.equal(problems.of('interface'), '')
})
