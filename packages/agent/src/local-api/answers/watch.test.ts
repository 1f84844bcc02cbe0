import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createFakeClock, until } from '@plexd/runtime/testing'
import { startPlace } from '../../testing/local-api-place.ts'
import type { LocalRequest } from '../requests/answer.ts'
import { createWatch } from './watch.ts'

describe('a watch', () => {
  it('answers at once without an index, or with one that is not the current one', async () => {
    const { watch } = aWatch(7)
    assert.deepEqual(await ask(watch, ''), { index: 7, changed: true })
    assert.deepEqual(await ask(watch, 'index=0'), { index: 7, changed: true })
    assert.deepEqual(await ask(watch, 'index=6'), { index: 7, changed: true })
    assert.deepEqual(await ask(watch, 'index=900'), { index: 7, changed: true })
  })

  it('waits for the next change', async () => {
    const { watch, clock, moveTo } = aWatch(7)
    const asked = ask(watch, 'index=7')
    await clock.advance(100_000)
    moveTo(9)
    assert.deepEqual(await asked, { index: 9, changed: true })
    assert.equal(clock.sleepers(), 0)
  })

  it('says that nothing changed when its time is over', async () => {
    const { watch, clock } = aWatch(7)
    const asked = ask(watch, 'index=7&wait=30s')
    await clock.advance(30_000)
    assert.deepEqual(await asked, { index: 7, changed: false })
  })

  it('waits five minutes at most', async () => {
    const { watch, clock } = aWatch(7)
    const asked = [ask(watch, 'index=7&wait=24h'), ask(watch, 'index=7')]
    await clock.advance(300_000)
    assert.equal((await Promise.all(asked)).length, 2)
  })

  it('ends when the daemon stops, and when its caller is gone', async () => {
    const { watch } = aWatch(7)
    const gone = new AbortController()
    const asked = [ask(watch, 'index=7', gone.signal), ask(watch, 'index=7')]
    gone.abort()
    assert.deepEqual(await asked[0], { index: 7, changed: false })
    watch.close()
    assert.deepEqual(await asked[1], { index: 7, changed: false })
  })

  it('refuses what is no index and no duration', async () => {
    const { watch } = aWatch(7)
    assert.deepEqual(await ask(watch, 'index=x'), { error: 'index must be an integer' })
    assert.deepEqual(await ask(watch, 'index=-1'), { error: 'index must be an integer' })
    assert.deepEqual(await ask(watch, 'index=7&wait=soon'), {
      error: 'wait must be a duration such as 30s',
    })
  })
})

describe('GET /v1/watch', () => {
  it('sees changes of the desired state and of reports', async () => {
    await using place = await startPlace()
    const index = (await place.unix('GET', '/v1/watch')).headers['x-plexd-index']
    const first = place.unix('GET', `/v1/watch?index=${index}`)
    await place.reports.put({ key: 'a', content_type: 't', payload: '1' })
    assert.deepEqual((await first).json, { index: Number(index) + 1, changed: true })
    const second = place.tcp('GET', `/v1/watch?index=${Number(index) + 1}`)
    await place.desired.replace({ ...place.desired.current(), metadata: { a: 'b' } })
    assert.deepEqual((await second).json, { index: Number(index) + 2, changed: true })
  })

  it('is answered when the daemon stops, which does not wait for it', async () => {
    const clock = createFakeClock()
    const place = await startPlace({}, { clock })
    const index = (await place.unix('GET', '/v1/state')).headers['x-plexd-index']
    const sleepers = clock.sleepers()
    const asked = place.unix('GET', `/v1/watch?index=${index}`)
    await until('it waits', () => clock.sleepers() > sleepers)
    const startMs = performance.now()
    await place[Symbol.asyncDispose]()
    assert.ok(performance.now() - startMs < 10_000)
    assert.deepEqual((await asked).json, { index: Number(index), changed: false })
  })
})

function aWatch(first: number) {
  let index = first
  const clock = createFakeClock()
  const watch = createWatch(() => index, clock)
  const moveTo = (next: number): void => {
    index = next
    watch.changed()
  }
  return { watch, clock, moveTo }
}

async function ask(
  watch: ReturnType<typeof createWatch>,
  query: string,
  signal = new AbortController().signal,
): Promise<unknown> {
  const request: LocalRequest = {
    method: 'GET',
    target: '',
    header: () => undefined,
    body: async () => undefined,
    caller: { via: 'token' },
    signal,
  }
  return JSON.parse((await watch.wait(query, request)).body.toString())
}
