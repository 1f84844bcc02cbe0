import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createFakeClock } from '@plexd/runtime/testing'
import { createPingNet, type FakeAnswer } from '../actions/testing/ping-net.ts'
import { trace } from './trace.ts'

const { signal } = new AbortController()

async function traced(
  answer: (hops: number, count: number) => FakeAnswer | 'refused' | undefined,
  maxHops = 8,
) {
  const clock = createFakeClock()
  const ended = trace(createPingNet(answer), '10.0.0.9', { maxHops, clock, signal })
  await clock.advance(4_000)
  const { hops, ...rest } = await ended
  return { ...rest, way: hops.map(({ address }) => address) }
}

/** Three routers, then the host. */
const way = (hops: number): FakeAnswer =>
  hops <= 3 ? { kind: 'exceeded', from: `10.0.0.${hops}` } : { kind: 'reply', from: '10.0.0.9' }

describe('trace', () => {
  it('names each host up to the destination', async () => {
    assert.deepEqual(await traced(way), {
      way: ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.9'],
      reached: true,
      refused: false,
    })
  })

  it('asks a silent host again, and leaves it blank when it stays silent', async () => {
    const silent = await traced((hops) => (hops === 2 ? undefined : way(hops)))
    assert.deepEqual(silent.way, ['10.0.0.1', '', '10.0.0.3', '10.0.0.9'])
    const slow = await traced((hops, count) => (hops === 2 && count < 9 ? undefined : way(hops)))
    assert.deepEqual(slow.way, ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.9'])
  })

  it('ends at a host that has no way on', async () => {
    const cut = await traced((hops) =>
      hops < 3 ? way(hops) : { kind: 'unreachable', from: '10.0.0.2' },
    )
    assert.deepEqual(cut, {
      way: ['10.0.0.1', '10.0.0.2', '10.0.0.2'],
      reached: false,
      refused: false,
    })
  })

  it('ends after the last answer, within the hops that it may try', async () => {
    assert.deepEqual((await traced(way, 2)).way, ['10.0.0.1', '10.0.0.2'])
    const lost = await traced((hops) => (hops === 1 ? way(1) : undefined))
    assert.deepEqual(lost, { way: ['10.0.0.1', ''], reached: false, refused: false })
  })

  it('says that the kernel lets nothing out', async () => {
    assert.equal((await traced(() => 'refused')).refused, true)
  })
})
