import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { formatComment, formatEvent, maxLineBytes } from './sse.ts'

/** What a reader makes of a block: fields joined as the standard says. */
function readBlock(block: string): { id: string; event: string; data: string } {
  const values = (field: string): string[] =>
    block
      .split('\n')
      .filter((line) => line.startsWith(`${field}: `))
      .map((line) => line.slice(field.length + 2))
  return { id: values('id').join(), event: values('event').join(), data: values('data').join('\n') }
}

const lineBytes = (block: string): number[] =>
  block.split('\n').map((line) => Buffer.byteLength(line))

describe('formatEvent', () => {
  it('writes one block', () => {
    assert.equal(
      formatEvent({ id: '1-7', event: 'peer_removed', data: '{"peer_id":"n_db"}' }),
      'id: 1-7\nevent: peer_removed\ndata: {"peer_id":"n_db"}\n\n',
    )
  })

  it('splits a long text behind commas outside strings, so that no line is too long for Go nodes', () => {
    const payload = {
      peers: Array.from({ length: 3_000 }, (_, n) => ({ id: `n_${n}`, note: 'a,"b",ü' })),
    }
    const data = JSON.stringify(payload)

    const block = formatEvent({ id: '1-1', event: 'x', data })

    assert.ok(Math.max(...lineBytes(block)) <= maxLineBytes)
    assert.ok(lineBytes(block).length < 6 + data.length / 50_000, 'lines are filled')
    assert.deepEqual(JSON.parse(readBlock(block).data), payload)
    assert.equal(readBlock(block).data.replaceAll('\n', ''), data)
  })

  it('fills a line to the last byte before it splits', () => {
    const fits = JSON.stringify(['x'.repeat(maxLineBytes - 'data: ["",1]'.length), 1])

    assert.equal(lineBytes(formatEvent({ id: '1', event: 'x', data: fits })).length, 5)
    assert.equal(
      lineBytes(formatEvent({ id: '1', event: 'x', data: `${fits.slice(0, -1)}0]` })).length,
      6,
    )
  })

  it('counts bytes, not characters', () => {
    const data = JSON.stringify(Array(100).fill('ü😀'.repeat(150)))

    assert.ok(Math.max(...lineBytes(formatEvent({ id: '1', event: 'x', data }))) <= maxLineBytes)
  })

  it('refuses a text that no comma makes short enough', () => {
    const data = JSON.stringify({ a: 'x,'.repeat(maxLineBytes) })

    assert.throws(() => formatEvent({ id: '1', event: 'x', data }), {
      name: 'RangeError',
      message: /^format event: \d+ bytes without a comma to split a line at$/,
    })
  })

  it('refuses megabytes without a comma in the same words', () => {
    const data = `[${' '.repeat(8_000_000)}]`

    assert.throws(() => formatEvent({ id: '1', event: 'x', data }), /bytes without a comma/)
  })

  it('splits any JSON text only where JSON allows a line break', () => {
    const value = fc.tuple(fc.jsonValue(), fc.string({ unit: 'grapheme', minLength: 200 }))
    fc.assert(
      fc.property(fc.array(value, { maxLength: 200, size: 'max' }), (values) => {
        const data = JSON.stringify(values)
        const block = formatEvent({ id: '1-1', event: 'x', data })

        assert.ok(Math.max(...lineBytes(block)) <= maxLineBytes)
        assert.equal(readBlock(block).data.replaceAll('\n', ''), data)
        assert.doesNotThrow(() => JSON.parse(readBlock(block).data))
      }),
      { numRuns: 20 },
    )
  })
})

describe('formatComment', () => {
  it('writes a line that reaches no handler', () => {
    assert.equal(formatComment('keepalive'), ': keepalive\n\n')
    assert.equal(readBlock(formatComment('keepalive')).data, '')
  })
})
