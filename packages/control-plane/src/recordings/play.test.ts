import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { deflateRawSync } from 'node:zlib'
import { maxRecordingTextBytes } from '@plexd/protocol'
import fc from 'fast-check'
import { aSealedChunk } from '../testing/sealed-chunk.ts'
import { playRecording } from './play.ts'
import type { StoredChunk } from './store.ts'

const key = Buffer.alloc(32, 3).toString('base64')
const session_id = 'ses_1'
const header = '{"version":2,"width":80,"height":24,"timestamp":1}'
const event = (at: number) => `[${at},"o","line ${at}"]`
const count = 6

/** Chunk 0 has the header, and each has an event of its number. */
function whole(): StoredChunk[] {
  return Array.from({ length: count }, (_, index) => {
    const text = `${index === 0 ? `${header}\n` : ''}${event(index)}\n`
    return {
      index,
      bytes: aSealedChunk(key, { session_id, index, final: index === count - 1, text }),
    }
  })
}

describe('playRecording', () => {
  it('plays what was recorded', async () => {
    const lines = [header, ...Array.from({ length: count }, (_, at) => event(at))]
    assert.equal(await play(whole()), `${lines.join('\n')}\n`)
  })

  it('plays the rest around what was lost, moved or changed, and says what is missing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 3 }), async (damages) => {
        const before = whole()
        const after = damages.reduce((chunks, apply) => apply(chunks), before)
        const touched = before.filter(({ index, bytes }) => {
          const now = after.find((chunk) => chunk.index === index)
          return !now || Buffer.compare(now.bytes, bytes) !== 0
        })
        const lines = parse(await play(after))
        const shown = lines.flatMap(([, code, text]) => (code === 'o' ? [text] : []))
        for (const { index } of before)
          assert.equal(shown.includes(`line ${index}`), !touched.some((one) => one.index === index))
        const last = String(lines.at(-1)?.[2])
        assert.equal(last.includes('this recording is not complete'), touched.length > 0)
      }),
    )
  })

  it('says what is missing where it would be, and once more at the end', async () => {
    const chunks = whole().filter(({ index }) => index !== 2 && index !== 3)
    const lines = parse(await play(chunks))
    assert.deepEqual(lines.slice(2, 4), [
      [1, 'm', 'chunks 2 to 3 are missing'],
      [4, 'o', 'line 4'],
    ])
    assert.match(String(lines.at(-1)?.[2]), /not complete: chunks 2 to 3 are missing\]/)
  })

  it('says that the end has not come, and what the node said of it', async () => {
    const lines = parse(await play(whole().slice(0, 3), { chunks: 6 }))
    assert.equal(
      lines.at(-2)?.[2],
      'what comes after chunk 2 is missing (the node made 6 chunks): the session is still open, or the node has not sent it',
    )
    assert.match(await play([]), /nothing of it has come/)
  })

  it('begins with a header of its own where that is lost', async () => {
    const [first] = (await play(whole().slice(1))).split('\n')
    assert.deepEqual(JSON.parse(first ?? ''), {
      version: 2,
      width: 80,
      height: 24,
      timestamp: 1_700_000_000,
      title: session_id,
    })
  })

  it('leaves out lines that belong into no asciicast, and what unpacks without end', async () => {
    const text = `${header}\n{"version":2}\n[1,"x","no"]\n[1,"o"]\nno\n${event(7)}\n`
    const one = aSealedChunk(key, { session_id, index: 0, text })
    const bomb = 'x'.repeat(maxRecordingTextBytes + 1)
    assert.ok(deflateRawSync(bomb).length < 10_000)
    const two = aSealedChunk(key, { session_id, index: 1, final: true, text: bomb })
    const played = await play([
      { index: 0, bytes: one },
      { index: 1, bytes: two },
    ])
    assert.ok(played.startsWith(`${header}\n${event(7)}\n[7.000000,"m","chunk 1 is damaged"]\n`))
  })

  it('takes a chunk of lines that are none for damaged', async () => {
    for (const line of ['', '[', '[1,"o","\\x"]', '[1e999,"o",""]', '[0,["o"],""]']) {
      const text = `${header}\n${`${line}\n`.repeat(2_000)}`
      const bytes = aSealedChunk(key, { session_id, index: 0, final: true, text })
      assert.match(await play([{ index: 0, bytes }]), /"m","chunk 0 is damaged"/)
    }
  })

  it('lets others be served between the lines of a chunk', async () => {
    let turns = 0
    const count = (): void => {
      turns++
      next = setImmediate(count)
    }
    let next = setImmediate(count)
    const text = `${event(7)}\n`.repeat(20_000)
    await play([{ index: 0, bytes: aSealedChunk(key, { session_id, index: 0, text }) }])
    clearImmediate(next)
    assert.ok(turns >= 20)
  })

  it('ends in words when the key or the chunks cannot be read', async () => {
    const why = /the rest cannot be read: it broke/
    const broken = (): never => {
      throw new Error('it broke')
    }
    assert.match(await play(whole(), { key: broken }), why)
    const store = { next: async () => broken() }
    const pieces = playRecording(store, { session_id, created_at: 0, chunks: null, key: () => key })
    assert.match((await Array.fromAsync(pieces)).join(''), why)
  })
})

const at = fc.nat(count - 1)
const damage = fc.oneof(
  at.map((index) => (chunks: StoredChunk[]) => chunks.filter((chunk) => chunk.index !== index)),
  fc.tuple(at, at).map(
    ([a, b]) =>
      (chunks: StoredChunk[]) =>
        swap(chunks, a, b),
  ),
  fc.tuple(at, fc.nat()).map(([index, bit]) => change(index, (bytes) => flip(bytes, bit))),
  fc
    .tuple(at, fc.nat())
    .map(([index, length]) => change(index, (bytes) => bytes.subarray(0, length % bytes.length))),
)

function change(index: number, by: (bytes: Buffer) => Uint8Array) {
  return (chunks: StoredChunk[]): StoredChunk[] =>
    chunks.map((chunk) =>
      chunk.index === index && chunk.bytes.length > 0
        ? { index, bytes: by(Buffer.from(chunk.bytes)) }
        : chunk,
    )
}

function flip(bytes: Buffer, bit: number): Buffer {
  const place = (bit >> 3) % bytes.length
  bytes[place] = (bytes[place] ?? 0) ^ (1 << (bit & 7))
  return bytes
}

/** Each gets the bytes of the other. */
function swap(chunks: StoredChunk[], a: number, b: number): StoredChunk[] {
  const bytesAt = (index: number) => chunks.find((chunk) => chunk.index === index)?.bytes
  const [one, other] = [bytesAt(a), bytesAt(b)]
  if (!one || !other) return chunks
  return chunks.map((chunk) =>
    chunk.index === a
      ? { index: a, bytes: other }
      : chunk.index === b
        ? { index: b, bytes: one }
        : chunk,
  )
}

function parse(text: string): [number, string, string][] {
  const [, ...lines] = text.trimEnd().split('\n')
  return lines.map((line) => JSON.parse(line))
}

async function play(
  chunks: readonly StoredChunk[],
  more: { chunks?: number; key?: () => string } = {},
): Promise<string> {
  const store = {
    next: async (_: string, from: number) => chunks.find(({ index }) => index >= from),
  }
  const recording = { session_id, created_at: 1_700_000_000_000, chunks: null, key: () => key }
  return (await Array.fromAsync(playRecording(store, { ...recording, ...more }))).join('')
}
