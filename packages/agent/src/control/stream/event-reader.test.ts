import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatEvent, maxLineBytes } from '@plexd/protocol'
import fc from 'fast-check'
import { limits } from '../../config/limits.ts'
import { createEventReader, OversizeError } from './event-reader.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('createEventReader', () => {
  it('gives whole blocks, and none that is torn off', () => {
    const read = createEventReader(limits.event_characters.default)
    assert.deepEqual(read(bytes(': hello\n\nid: 1-1\ndata: {"a"')), [])
    assert.deepEqual(read(bytes(':1}\n')), [])
    assert.deepEqual(read(bytes('\nid: 1-2\ndata: torn')), [{ id: '1-1', data: '{"a":1}' }])
  })

  it('reads the same from chunks of any size', () => {
    const payload = JSON.stringify({ text: 'é\u2028€😀', long: 'x'.repeat(300) })
    const stream = bytes(
      ['1-1', '1-2', '1-3']
        .map((id) => formatEvent({ id, event: 'x', data: payload }))
        .join(': ping\n\n'),
    )
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 50 })), (sizes) => {
        const read = createEventReader(limits.event_characters.default)
        const messages = []
        let at = 0
        for (const size of sizes) {
          messages.push(...read(stream.subarray(at, at + size)))
          at += size
        }
        messages.push(...read(stream.subarray(at)))
        assert.deepEqual(
          messages,
          ['1-1', '1-2', '1-3'].map((id) => ({ id, data: payload })),
        )
      }),
    )
  })

  it('joins the lines of a long event', () => {
    const payload = JSON.stringify({ list: Array.from({ length: 20_000 }, (_, at) => at) })
    assert.ok(payload.length > maxLineBytes)

    const [message] = createEventReader(limits.event_characters.default)(
      bytes(formatEvent({ id: '1-1', event: 'x', data: payload })),
    )

    assert.deepEqual(JSON.parse(message?.data ?? ''), JSON.parse(payload))
  })

  it('gives up on a block that does not end', () => {
    const read = createEventReader(1_000)
    assert.deepEqual(read(bytes(`data: ${'x'.repeat(600)}\n`)), [])
    assert.throws(() => read(bytes(`data: ${'x'.repeat(600)}`)), OversizeError)
  })
})
