import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createLog, systemClock } from '@plexd/runtime'
import type { NewPeers } from './handshake-retries.ts'
import { startHandshakeWatch } from './handshake-watch.ts'

const endpoint = '203.0.113.7:51820'

/** Watches with a clock that does not wait. The peers in `unanswered` never answer; `finished` resolves after so many tries. */
function watchOf(tries: number, unanswered: readonly string[]) {
  const finished = Promise.withResolvers<void>()
  const asked: NewPeers[] = []
  const pauses: number[] = []
  let nowMs = 0
  const watch = startHandshakeWatch({
    async tryAgain(due) {
      asked.push(due)
      if (asked.length === tries) finished.resolve()
      return new Set(unanswered)
    },
    clock: {
      ...systemClock,
      monotonic: () => nowMs,
      async sleep(ms: number, signal?: AbortSignal) {
        await systemClock.sleep(ms > 60_000 ? ms : 0, signal)
        if (ms <= 60_000) pauses.push(ms)
        nowMs += ms
      },
    },
    log: createLog('test', 'error'),
    random: () => 0.5,
  })
  return { watch, asked, pauses, finished: finished.promise }
}

describe('startHandshakeWatch', () => {
  it('tries three times, with growing pauses, and then leaves it to WireGuard', async () => {
    const { watch, asked, pauses, finished } = watchOf(3, ['db'])
    await using _ = watch
    watch.watch({ started: ['db'], awaited: new Map() })
    await finished
    assert.deepEqual(pauses, [900, 1_800, 3_000])
    assert.deepEqual(
      asked.map(({ publicKeys }) => [...publicKeys]),
      [['db'], ['db'], ['db']],
    )
  })

  it('retries sooner with a peer that should have started, which counts as such only once', async () => {
    const { watch, asked, pauses, finished } = watchOf(3, ['db'])
    await using _ = watch
    watch.watch({ started: [], awaited: new Map([['db', endpoint]]) })
    assert.deepEqual(watch.awaited(), new Map([['db', endpoint]]))
    await finished
    assert.deepEqual(pauses, [400, 1_400, 3_000])
    assert.deepEqual(
      asked.map(({ awaited }) => [...awaited.keys()]),
      [['db'], [], []],
    )
    assert.deepEqual(watch.awaited(), new Map())
  })

  it('retries together what is due at about the same time, and skips peers that have answered', async () => {
    const { watch, asked, finished } = watchOf(2, ['db'])
    await using _ = watch
    watch.watch({ started: ['db'], awaited: new Map() })
    watch.watch({ started: ['web', 'cache'], awaited: new Map() })
    await finished
    assert.deepEqual(
      asked.map(({ publicKeys }) => [...publicKeys]),
      [['db', 'web', 'cache'], ['db']],
    )
  })

  it('watches a hundred peers at most', async () => {
    const { watch } = watchOf(1, [])
    await using _ = watch
    watch.watch({ started: Array.from({ length: 60 }, (_, at) => `n_${at}`), awaited: new Map() })
    assert.equal(watch.hasRoom(40), true)
    assert.equal(watch.hasRoom(41), false)
  })
})
