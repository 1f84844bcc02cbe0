import assert from 'node:assert/strict'
import { createDecipheriv } from 'node:crypto'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { inflateRawSync } from 'node:zlib'
import { recordingAad, recordingNonce } from '@plexd/protocol'
import { createFakeClock } from '@plexd/runtime/testing'
import fc from 'fast-check'
import { createRecorder, type RecorderOptions } from './recorder.ts'
import type { RecordingChunk } from './seal-chunk.ts'

const key = Buffer.alloc(32, 5)
const session_id = 'ses_1'

describe('createRecorder', () => {
  it('writes an asciicast with the size, what was shown, and when', async () => {
    const setup = setUp()
    await setup.recorder.output(0, Buffer.from('$ '))
    await setup.clock.advance(1_500)
    await setup.recorder.output(0, Buffer.from('ls\r\n'))
    setup.recorder.resize(120, 40)
    await setup.clock.advance(250)
    setup.recorder.marker('sftp get /etc/hosts')
    assert.equal(await setup.recorder.close(), 2)
    const [header, ...events] = setup.lines()
    assert.deepEqual(header, {
      version: 2,
      width: 80,
      height: 24,
      timestamp: Math.floor(setup.startedAtMs / 1_000),
      title: session_id,
    })
    assert.deepEqual(events, [
      [0, 'o', '$ '],
      [1.5, 'o', 'ls\r\n'],
      [1.5, 'r', '120x40'],
      [1.75, 'm', 'sftp get /etc/hosts'],
    ])
    assert.deepEqual(
      setup.chunks.map(({ index, final }) => [index, final]),
      [
        [0, false],
        [1, true],
      ],
    )
  })

  it('records what is typed only if that is asked for', async () => {
    for (const input of [false, true]) {
      const setup = setUp({ input })
      await setup.recorder.input(0, Buffer.from('secret'))
      await setup.recorder.close()
      assert.deepEqual(setup.lines().slice(1), input ? [[0, 'i', 'secret']] : [])
    }
  })

  it('keeps characters that come in pieces, whatever other channels show in between', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(2), fc.string({ unit: 'grapheme' })), { maxLength: 8 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 3 })),
        async (texts, sizes) => {
          const setup = setUp()
          await setup.recorder.output(0, Buffer.from('$'))
          const left = new Map(
            texts.map(([channel]) => [channel, Buffer.from(said(texts, channel))]),
          )
          // In turn, a few bytes of each.
          while ([...left.values()].some(({ length }) => length > 0))
            for (const [channel, bytes] of left) {
              const size = sizes.next().value
              await setup.recorder.output(channel, bytes.subarray(0, size))
              left.set(channel, bytes.subarray(size))
            }
          await setup.recorder.close()
          for (const channel of left.keys())
            assert.equal(
              shownOn(setup.lines(), channel),
              (channel === 0 ? '$' : '') + said(texts, channel),
            )
        },
      ),
    )
  })

  it('stores after 64 KiB, and cuts no character in two', async () => {
    const setup = setUp()
    const text = `x${'😀'.repeat(40_000)}`
    await setup.recorder.output(0, Buffer.from(text))
    assert.ok(setup.chunks.length > 0)
    await setup.recorder.close()
    const events = setup.lines().slice(1) as [number, string, string][]
    assert.ok(events.every(([, , piece]) => piece.isWellFormed()))
    assert.equal(events.map(([, , piece]) => piece).join(''), text)
  })

  it('shows nothing more while chunks wait for the disk, and goes on when they are stored', async () => {
    const stored = Promise.withResolvers<void>()
    const setup = setUp({ store: () => stored.promise })
    const loud = Buffer.from('x'.repeat(70_000))
    const answers = Array.from({ length: 5 }, () => setup.recorder.output(0, loud))
    assert.deepEqual(answers.slice(0, 4), [undefined, undefined, undefined, undefined])
    let isThrough = false
    const waiting = answers[4]?.then(() => {
      isThrough = true
    })
    await turn()
    assert.equal(isThrough, false)
    stored.resolve()
    await waiting
    assert.equal(setup.recorder.output(0, Buffer.from('y')), undefined)
    await setup.recorder.close()
  })

  it('fails once with the reason when a chunk is lost, and lets nothing more through', async () => {
    const setup = setUp({ store: () => Promise.reject(new Error('the disk takes nothing')) })
    await setup.recorder.output(0, Buffer.from('x'))
    await setup.clock.advance(1_000)
    const why = /^the recording cannot be written: the disk takes nothing$/
    assert.match(setup.failures.join('; '), why)
    await assert.rejects(async () => setup.recorder.output(0, Buffer.from('y')), { message: why })
    await assert.rejects(async () => setup.recorder.input(0, Buffer.from('y')), { message: why })
    await setup.recorder.close()
    assert.equal(setup.failures.length, 1)
  })

  it('fails at its limit, and says so as its last word', async () => {
    const setup = setUp({ limitBytes: 100 })
    const noise = Buffer.from(Array.from({ length: 70_000 }, (_, at) => ((at * 7919) % 96) + 32))
    await assert.rejects(async () => setup.recorder.output(0, noise))
    assert.deepEqual(setup.failures, ['the recording has reached its limit of 100 bytes'])
    await setup.recorder.close()
    assert.deepEqual(setup.lines().at(-1)?.slice(1), [
      'm',
      'the recording ends here: the recording has reached its limit of 100 bytes',
    ])
    assert.equal(setup.chunks.at(-1)?.final, true)
  })

  it('refuses what comes after its end, and ends once', async () => {
    const setup = setUp()
    assert.equal(await setup.recorder.close(), await setup.recorder.close())
    await assert.rejects(async () => setup.recorder.output(0, Buffer.from('late')), {
      message: 'the recording has ended',
    })
    assert.equal(setup.chunks.length, 1)
  })

  it('leaves no plaintext in a chunk, and no chunk that passes for another', async () => {
    const setup = setUp()
    await setup.recorder.output(0, Buffer.from('canary-canary-canary'))
    await setup.recorder.close()
    const [chunk] = setup.chunks
    assert.ok(chunk)
    assert.ok(!chunk.bytes.includes('canary'))
    assert.throws(() => openText({ ...chunk, index: 1 }))
    assert.throws(() => openText({ ...chunk, final: false }))
  })
})

type Said = readonly (readonly [number, string])[]

function said(texts: Said, channel: number): string {
  return texts.map(([of, text]) => (of === channel ? text : '')).join('')
}

/** Channel 0 begins; markers say which one goes on. */
function shownOn(lines: unknown[][], channel: number): string {
  let current = 0
  let text = ''
  for (const [, code, piece] of lines.slice(1)) {
    if (code === 'm') current = Number(/^channel (\d)$/.exec(String(piece))?.[1])
    else if (current === channel) text += piece
  }
  return text
}

function setUp(options: Partial<RecorderOptions> = {}) {
  const clock = createFakeClock()
  const chunks: RecordingChunk[] = []
  const failures: string[] = []
  const startedAtMs = clock.now()
  const recorder = createRecorder({
    session_id,
    key: key.toString('base64'),
    input: false,
    width: 80,
    height: 24,
    async store(chunk) {
      chunks.push(chunk)
    },
    onFailure: ({ message }) => failures.push(message),
    clock,
    ...options,
  })
  // biome-ignore lint/suspicious/noExplicitAny: lines of JSON
  const lines = (): any[] =>
    chunks
      .map(openText)
      .join('')
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line))
  return { clock, recorder, chunks, failures, startedAtMs, lines }
}

/** Throws if it was not sealed as this chunk. */
function openText({ index, final, bytes }: RecordingChunk): string {
  const decipher = createDecipheriv('aes-256-gcm', key, recordingNonce(index))
  decipher.setAAD(recordingAad({ session_id, index, final }))
  decipher.setAuthTag(bytes.subarray(-16))
  const packed = Buffer.concat([decipher.update(bytes.subarray(1, -16)), decipher.final()])
  return inflateRawSync(packed).toString()
}
