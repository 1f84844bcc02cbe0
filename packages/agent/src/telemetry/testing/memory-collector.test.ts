import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createMemoryCollector } from './memory-collector.ts'

it('has what was handed over, and the newest cursor of each source, once it is let go', async () => {
  const collector = createMemoryCollector<string>(new Map([['a', '1']]))
  collector.hold(true)
  const appended = collector.append(['one'], { source: 'a', value: '2' })
  assert.deepEqual([collector.entries, collector.cursor('a')], [[], '1'])
  collector.hold(false)
  await appended
  assert.deepEqual([collector.entries, collector.cursor('a')], [['one'], '2'])
  await collector.append([], { source: 'a', value: '' })
  assert.deepEqual(collector.sources(), [])
  await collector.lost(3, 'too fast')
  assert.deepEqual(collector.gaps, [{ count: 3, reason: 'too fast' }])
})
