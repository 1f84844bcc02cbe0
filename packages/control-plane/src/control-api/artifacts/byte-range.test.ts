import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseRange } from './byte-range.ts'

const size = 100

describe('parseRange', () => {
  it('reads from one byte to another, to the end, and the last bytes', () => {
    assert.deepEqual(parseRange('bytes=6-11', size), { start: 6, end: 11 })
    assert.deepEqual(parseRange('bytes=6-', size), { start: 6, end: 99 })
    assert.deepEqual(parseRange('bytes=-10', size), { start: 90, end: 99 })
    assert.deepEqual(parseRange('bytes=99-99', size), { start: 99, end: 99 })
  })

  it('ends at the end of the file, whatever was asked for', () => {
    assert.deepEqual(parseRange('bytes=0-100', size), { start: 0, end: 99 })
    assert.deepEqual(parseRange(`bytes=0-${'9'.repeat(400)}`, size), { start: 0, end: 99 })
    assert.deepEqual(parseRange(`bytes=-${'9'.repeat(400)}`, size), { start: 0, end: 99 })
  })

  it('cannot give what is behind the end, or nothing', () => {
    for (const header of ['bytes=100-', 'bytes=100-200', 'bytes=-0', `bytes=${'9'.repeat(400)}-`])
      assert.equal(parseRange(header, size), 'unsatisfiable', header)
  })

  it('gives the whole file for what is no range, or several', () => {
    const strange = [
      undefined,
      '',
      'bytes=',
      'bytes=-',
      'bytes=11-6',
      'bytes=0-1,5-6',
      'bytes=--1',
      'bytes=-1-',
      'bytes=+1-2',
      'bytes=1e1-20',
      'bytes=0x0-5',
      'bytes=0.5-5',
      'bytes= 0-5',
      'bytes=0-5\n',
      'bytes=٣-٥',
      'lines=0-5',
    ]
    for (const header of strange) assert.equal(parseRange(header, size), undefined, String(header))
  })
})
