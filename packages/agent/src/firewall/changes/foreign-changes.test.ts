import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { silentLog } from '@plexd/runtime'
import { createFakeClock } from '@plexd/runtime/testing'
import { createProblems } from '../../health/problems.ts'
import { createForeignChanges } from './foreign-changes.ts'

const nft = { portId: 7, processId: 4_711, name: 'nft' }

describe('changes of our table by others', () => {
  it('are a problem from the second in a minute on, which says who it was', async () => {
    const { changes, clock, text } = start()
    changes.add(nft)
    assert.equal(text(), '')
    await clock.advance(5_000)
    changes.add(undefined)
    assert.match(text(), /"inet plexd" 2 times in the last minute, last by process "nft" \(4711\)/)
    assert.match(text(), /until it is nothing passes the mesh/)

    await clock.advance(56_000)
    changes.check()
    assert.equal(text(), '')
  })

  it('are told without a name where the kernel gives none, and as they are where nothing stands behind', () => {
    const { changes, text } = start(false)
    changes.add(undefined)
    changes.add(undefined)
    assert.match(text(), /the kernel does not say which: .*until it is the mesh is open/)
  })
})

function start(isShut = true) {
  const clock = createFakeClock()
  const problems = createProblems()
  const changes = createForeignChanges({ isShut: () => isShut, problems, clock, log: silentLog })
  return { changes, clock, text: () => problems.of('firewall changes') }
}
