import assert from 'node:assert/strict'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { ApiError, type LogRecord } from '@plexd/protocol'
import { silentLog } from '@plexd/runtime'
import { aSmallDisk, createFakeClock, type FakeClock } from '@plexd/runtime/testing'
import { ForeignAnswer } from '../../control/client/failure.ts'
import { createRecordingPlane, type RecordingPlane, rangesOf } from '../testing/recording-plane.ts'
import { openTelemetryBuffer, type TelemetryBuffer, type TelemetryBufferOptions } from './buffer.ts'

const at = '2025-01-15T10:30:00Z'
const line = (message: string): LogRecord => ({ timestamp: at, message })
const lines = (from: number, count: number): LogRecord[] =>
  Array.from({ length: count }, (_, index) => line(`${from + index}`))
const away = new Error('no answer')
const isAway = () => ({ before: away })
const losesAnswers = () => ({ after: away })
const works = () => undefined

describe('a telemetry buffer', () => {
  it('sends what was handed over, once, and knows how far its sources were read', async () => {
    await using place = await aPlace()
    {
      await using buffer = await place.open()
      const first = buffer.append([line('a'), line('b')], { source: 'file', value: '7' })
      assert.equal(buffer.cursor('file'), undefined)
      await place.until(first)
      assert.equal(buffer.cursor('file'), '7')
      await place.until(buffer.append([line('c')], { source: 'other', value: '1' }))
      await place.drain(buffer)
    }
    assert.deepEqual(
      place.plane.stored.map(({ message }) => message),
      ['a', 'b', 'c'],
    )
    await using buffer = await place.open()
    assert.deepEqual([buffer.cursor('file'), buffer.sources()], ['7', ['file', 'other']])
    await place.until(buffer.append([line('d')], { source: 'other', value: '' }))
    assert.deepEqual(buffer.sources(), ['file'])
    await place.drain(buffer)
    assert.deepEqual(rangesOf(place.plane.stored), [[0, 4]])
    assert.partialDeepStrictEqual(buffer.status([]), {
      records: 0,
      sent: 1,
      dropped: 0,
      last_error: '',
    })
  })

  it('knows a source again that was forgotten', async () => {
    await using place = await aPlace()
    {
      await using buffer = await place.open()
      for (const value of ['1', '', '2'])
        await place.until(buffer.append([], { source: 'file', value }))
    }
    await using buffer = await place.open()
    assert.equal(buffer.cursor('file'), '2')
  })

  it('stores nothing twice when an answer is lost, be it over a restart', async () => {
    await using place = await aPlace()
    place.plane.fail = losesAnswers
    {
      await using buffer = await place.open()
      await place.until(buffer.append(lines(0, 5)))
      await place.ask(() => place.plane.requests.length > 0)
      assert.equal(buffer.status([]).last_error, 'no answer')
    }
    place.plane.fail = works
    await using buffer = await place.open()
    await place.until(buffer.append(lines(5, 5)))
    await place.drain(buffer)
    assert.deepEqual(rangesOf(place.plane.stored), [[0, 10]])
  })

  it('drops the oldest past its bytes, and tells exactly which, in one gap', async () => {
    await using place = await aPlace({ maxBytes: 20_000 })
    place.plane.fail = isAway
    await using buffer = await place.open()
    for (let from = 0; from < 2_000; from += 100) await place.until(buffer.append(noise(from, 100)))
    const { bytes, dropped, last_loss, records } = buffer.status([])
    assert.ok(bytes <= 20_000, `${bytes} bytes`)
    assert.equal(records + dropped, 2_000)
    assert.equal(last_loss, 'more waited for the control plane than is kept')
    const attempts = place.plane.requests.length
    place.plane.fail = works
    buffer.wake()
    await place.drain(buffer)
    assert.deepEqual(rangesOf(place.plane.stored), [[0, 2_000]])
    const gaps = place.plane.stored.flatMap(({ gap }) => gap ?? [])
    // What was sent before it was dropped, and may have arrived, has a gap of its own.
    assert.ok(gaps.length <= 1 + attempts, `${gaps.length} after ${attempts} attempts`)
    assert.equal(
      gaps.reduce((sum, { count }) => sum + count, 0),
      dropped,
    )
  })

  it('tells no gap for what had arrived before it was dropped', async () => {
    await using place = await aPlace({ maxBytes: 20_000 })
    place.plane.fail = losesAnswers
    await using buffer = await place.open()
    await place.until(buffer.append(noise(0, 100)))
    await place.ask(() => place.plane.requests.length > 0)
    place.plane.fail = isAway
    for (let from = 100; from < 1_000; from += 100)
      await place.until(buffer.append(noise(from, 100)))
    place.plane.fail = works
    buffer.wake()
    await place.drain(buffer)
    assert.deepEqual(rangesOf(place.plane.stored), [[0, 1_000]])
    assert.equal(place.plane.stored[99]?.position, 99)
  })

  it('keeps few blocks however small they come, while nothing can be sent', async () => {
    await using place = await aPlace()
    place.plane.fail = isAway
    await using buffer = await place.open()
    for (let from = 0; from < 130; from++) await place.until(buffer.append(lines(from, 1)))
    place.plane.fail = works
    place.plane.requests.length = 0
    buffer.wake()
    await place.drain(buffer)
    assert.deepEqual(rangesOf(place.plane.stored), [[0, 130]])
    assert.ok(place.plane.requests.length < 5)
  })

  it('sends ever less at a time to who takes no more, and tells what is too large alone', async () => {
    await using place = await aPlace()
    place.plane.fail = (records) =>
      records > 3 ? { before: new ApiError('payload_too_large', 'too much') } : undefined
    await using buffer = await place.open()
    await place.until(buffer.append(lines(0, 50)))
    await place.drain(buffer)
    assert.deepEqual(rangesOf(place.plane.stored), [[0, 50]])
    let isFirst = true
    place.plane.fail = () => {
      if (!isFirst) return undefined
      isFirst = false
      return { before: new ApiError('payload_too_large', 'too much') }
    }
    await place.until(buffer.append(lines(50, 1)))
    await place.drain(buffer)
    assert.deepEqual(rangesOf(place.plane.stored), [[0, 51]])
    assert.equal(place.plane.stored.at(-1)?.gap?.reason, 'the control plane refuses them: too much')
    assert.equal(buffer.status([]).refused, 1)
  })

  it('drops nothing small because something on the way takes nothing', async () => {
    await using place = await aPlace()
    const nothing = new ForeignAnswer({ status: 413, headers: {}, body: '' })
    place.plane.fail = () => ({ before: nothing })
    await using buffer = await place.open()
    await place.until(buffer.append(lines(0, 50)))
    await place.ask(() => place.plane.requests.length > 2)
    assert.equal(buffer.status([]).refused, 0)
    place.plane.fail = works
    buffer.wake()
    await place.drain(buffer)
    assert.deepEqual(rangesOf(place.plane.stored), [[0, 50]])
  })

  it('lets go of a block that is refused, and says why', async () => {
    await using place = await aPlace()
    let isFirst = true
    place.plane.fail = () => {
      if (!isFirst) return undefined
      isFirst = false
      return { before: new ApiError('bad_request', 'no record of the batch fits') }
    }
    await using buffer = await place.open()
    await place.until(buffer.append(lines(0, 5)))
    await place.drain(buffer)
    await place.until(buffer.append(lines(5, 5)))
    await place.drain(buffer)
    assert.deepEqual(rangesOf(place.plane.stored), [[0, 10]])
    assert.partialDeepStrictEqual(buffer.status([]), {
      refused: 5,
      last_loss: 'the control plane refuses them: no record of the batch fits',
    })
  })

  it('waits for as long as it is asked to, and refuses nothing meanwhile', async () => {
    await using place = await aPlace()
    const busy = new ApiError('too_many_requests', 'wait', { retryAfterSeconds: 30 })
    place.plane.fail = () => ({ before: busy })
    await using buffer = await place.open()
    await place.until(buffer.append(lines(0, 5)))
    await place.ask(() => place.plane.requests.length > 0)
    place.plane.fail = works
    await place.clock.advance(29_000)
    assert.equal(place.plane.requests.length, 1)
    await place.drain(buffer)
    assert.deepEqual(rangesOf(place.plane.stored), [[0, 5]])
  })

  it('spoils nothing by what is no record, and keeps text as it is', async () => {
    await using place = await aPlace()
    await using buffer = await place.open()
    const circle: Record<string, unknown> = {}
    circle.self = circle
    const large = line('x'.repeat(300_000))
    const odd = line('\u0000 \ud800 \udfff \u2028 "\n')
    await place.until(
      buffer.append([line('a'), circle as never, undefined as never, 1n as never, large, odd]),
    )
    await place.drain(buffer)
    const [a, ...others] = place.plane.stored
    assert.equal(a?.message, 'a')
    assert.deepEqual(
      others.map(({ gap, message }) => gap?.reason ?? message),
      [
        ...Array.from({ length: 3 }, () => 'it cannot be written as JSON'),
        'it is over 262144 bytes',
        odd.message,
      ],
    )
    assert.deepEqual(rangesOf(place.plane.stored), [[0, 6]])
  })

  it('tells in its place what a collector had to let go', async () => {
    await using place = await aPlace()
    await using buffer = await place.open()
    await place.until(buffer.append([line('a')]))
    await place.until(buffer.lost(41, 'the kernel had no room'))
    await place.until(buffer.append([line('b')]))
    await place.drain(buffer)
    assert.deepEqual(
      place.plane.stored.map(({ position, gap }) => [position, gap]),
      [
        [0, undefined],
        [41, { first: 1, count: 41, reason: 'the kernel had no room' }],
        [42, undefined],
      ],
    )
  })

  it('is bounded in memory while the disk is full, and counts what nobody held back', async (t) => {
    await using disk = await aSmallDisk()
    if (!disk) return void t.skip('mounting a tmpfs needs root')
    await using place = await aPlace({}, disk.path)
    place.plane.fail = isAway
    await using buffer = await place.open()
    await place.until(buffer.append(lines(0, 10)))
    await disk.fill()
    const heldBack = buffer.append(noise(10, 1_000), { source: 'file', value: '1' })
    heldBack.catch(() => {})
    await place.ask(() => place.failures.length > 1)
    assert.equal(buffer.cursor('file'), undefined)
    const rest: Promise<void>[] = []
    for (let from = 1_010; from < 101_010; from += 1_000)
      rest.push(buffer.append(lines(from, 1_000)))
    await disk.clear()
    await place.until(Promise.all([heldBack, ...rest]))
    assert.equal(buffer.cursor('file'), '1')
    place.plane.fail = works
    buffer.wake()
    await place.drain(buffer)
    assert.deepEqual(rangesOf(place.plane.stored), [[0, 101_010]])
    const gaps = place.plane.stored.flatMap(({ gap }) => gap ?? [])
    assert.deepEqual(
      gaps.map(({ reason }) => reason),
      ['the disk did not take them in time'],
    )
    assert.ok((gaps[0]?.count ?? 0) > 50_000)
  })

  it('begins to count anew when it finds that it is a copy of an earlier one', async () => {
    await using place = await aPlace()
    await using copy = await aPlace()
    copy.plane = place.plane
    {
      await using buffer = await place.open()
      await place.until(buffer.append(lines(0, 1)))
      await place.drain(buffer)
    }
    await place.copyTo(copy)
    {
      await using buffer = await place.open()
      await place.until(buffer.append(lines(1, 20)))
      await place.drain(buffer)
    }
    await using buffer = await copy.open()
    await copy.until(buffer.append(lines(100, 3)))
    await copy.drain(buffer)
    assert.deepEqual(
      place.plane.stored.slice(-3).map(({ message }) => message),
      ['100', '101', '102'],
    )
  })

  it('writes what it has when it is closed', async () => {
    await using place = await aPlace()
    place.plane.fail = isAway
    {
      await using buffer = await place.open()
      void buffer.append(lines(0, 3))
    }
    await using buffer = await place.open()
    assert.equal(buffer.status([]).records, 3)
  })

  it('says how far it is behind, whatever the clock does', async () => {
    await using place = await aPlace()
    place.plane.fail = isAway
    await using buffer = await place.open()
    await place.until(buffer.append(lines(0, 3)))
    await place.clock.advance(60_000)
    assert.ok(buffer.status([]).lag_seconds >= 60)
    place.clock.step(-3_600_000)
    assert.equal(buffer.status([]).lag_seconds, 0)
  })

  it('sends metrics as an array', async () => {
    await using place = await aPlace()
    await using buffer = await openTelemetryBuffer({ ...place.options, kind: 'metrics' })
    await place.until(
      buffer.append([
        { timestamp: at, group: 'g', data: { a: 1 } },
        { timestamp: at, group: 'g', data: { a: 2 } },
      ]),
    )
    await place.ask(() => buffer.status([]).records === 0)
    assert.deepEqual(
      place.plane.stored.map((record) => (record as unknown as { data: object }).data),
      [{ a: 1 }, { a: 2 }],
    )
  })
})

/** Not much smaller when it is packed. */
function noise(from: number, count: number): LogRecord[] {
  return lines(from, count).map(({ message }) => line(`${message} ${Math.random().toString(36)}`))
}

interface Place extends AsyncDisposable {
  plane: RecordingPlane
  readonly clock: FakeClock
  /** Of writes. */
  readonly failures: unknown[]
  readonly options: TelemetryBufferOptions<'logs'>
  open(): Promise<TelemetryBuffer<LogRecord>>
  /** Time passes until it holds. */
  ask(holds: () => boolean): Promise<void>
  /** Time passes until it is settled. */
  until<Value>(promise: Promise<Value>): Promise<Value>
  /** Time passes until all is sent. */
  drain(buffer: TelemetryBuffer<LogRecord>): Promise<void>
  copyTo(other: Place): Promise<void>
}

async function aPlace(changes: Partial<TelemetryBufferOptions<'logs'>> = {}, inFolder = tmpdir()) {
  const folder = await mkdtemp(join(inFolder, 'plexd-telemetry-'))
  const clock = createFakeClock()
  const failures: unknown[] = []
  const place: Place = {
    plane: createRecordingPlane(),
    clock,
    failures,
    options: {
      kind: 'logs',
      folder,
      maxBytes: 64 * 1024 * 1024,
      intervalMs: 1_000,
      hostname: 'web-01',
      post: (request) => place.plane.post(request),
      describe: (error: unknown) => (error instanceof Error ? error.message : ''),
      onFailure: (error: unknown) => void failures.push(error),
      onDamage: () => assert.fail('damaged'),
      clock,
      log: silentLog,
      random: () => 0.5,
      ...changes,
    },
    open: () => openTelemetryBuffer(place.options),
    async ask(holds) {
      for (let turn = 0; !holds(); turn++) {
        assert.ok(turn < 20_000, 'it never holds')
        await clock.advance(50)
      }
    },
    async until(promise) {
      let isSettled = false
      const settled = promise.finally(() => {
        isSettled = true
      })
      settled.catch(() => {})
      await place.ask(() => isSettled)
      return settled
    },
    drain: (buffer) =>
      place.ask(() => {
        const { records, bytes } = buffer.status([])
        return records + bytes === 0
      }),
    copyTo: (other) => cp(folder, other.options.folder, { recursive: true }),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
  return place
}
