import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { maxReadBytes } from './log-record.ts'
import { type Skip, takeRecords } from './take-records.ts'

const isFirst = (line: string) => /^\d/.test(line)

describe('takeRecords', () => {
  it('has a record for each whole line, and waits for the end of the last one', () => {
    assert.deepEqual(take('one\r\n\n two\nthr'), { texts: ['one', ' two'], consumed: 11, skip: '' })
    assert.deepEqual(take('thr', { isEnd: true }), { texts: ['thr'], consumed: 3, skip: '' })
  })

  it('gathers the lines that follow the first of a record', () => {
    const text = '1 fault\n at a\n at b\n2 next\n'
    assert.deepEqual(take(text, { isFirst }), {
      texts: ['1 fault\n at a\n at b'],
      consumed: 20,
      skip: '',
    })
    assert.deepEqual(take(text, { isFirst, isEnd: true }).texts, [
      '1 fault\n at a\n at b',
      '2 next',
    ])
    assert.deepEqual(take(' at c\n1 x\n2', { isFirst }).texts, [' at c'])
  })

  it('cuts a line without an end, and passes over its rest', () => {
    const long = 'x'.repeat(maxReadBytes + 1)
    const cut = takeRecords(Buffer.from(long), '', { isEnd: false })
    assert.deepEqual([cut.texts[0]?.isCut, cut.consumed, cut.skip], [true, long.length, 'line'])
    assert.deepEqual(take('xxx', { skip: 'line' }), { texts: [], consumed: 3, skip: 'line' })
    assert.deepEqual(take('x\ny\n', { skip: 'line' }), { texts: ['y'], consumed: 4, skip: '' })
    assert.deepEqual(take(' at\n1 y\n', { skip: 'line', isFirst, isEnd: true }).texts, ['1 y'])
  })

  it('cuts a record of too many lines, and passes over those up to the next', () => {
    const long = `1\n${' at somewhere\n'.repeat(2_000)}`
    const cut = takeRecords(Buffer.from(long), '', { isFirst, isEnd: false })
    assert.deepEqual([cut.texts.length, cut.texts[0]?.isCut, cut.skip], [1, true, 'record'])
    assert.equal(cut.consumed, long.length)
    assert.deepEqual(take(' at\n', { skip: 'record', isFirst }), {
      texts: [],
      consumed: 4,
      skip: 'record',
    })
    assert.deepEqual(take('2\n3\n', { skip: 'record', isFirst }).texts, ['2'])
  })

  it('has the same records wherever the bytes are divided', () => {
    const text = `1 a\n b\n\n2 ${'é'.repeat(15_000)}\n c\n3\n\u00004 \n5 end\n`
    const whole = read(Buffer.from(text), 1_000_000)
    for (const size of [1, 7, 1_000, 25_000]) assert.deepEqual(read(Buffer.from(text), size), whole)
    assert.equal(whole.length, 4)
  })
})

function take(
  text: string,
  {
    skip = '',
    isEnd = false,
    ...rules
  }: { skip?: Skip; isEnd?: boolean; isFirst?: typeof isFirst } = {},
) {
  const taken = takeRecords(Buffer.from(text), skip, { isEnd, ...rules })
  return { ...taken, texts: taken.texts.map((one) => one.text) }
}

/** Read as it grows by so many bytes. */
function read(bytes: Buffer, size: number): string[] {
  const texts: string[] = []
  let [start, skip]: [number, Skip] = [0, '']
  for (let end = size; end < bytes.length + size; end += size) {
    const isEnd = end >= bytes.length
    const taken = takeRecords(bytes.subarray(start, end), skip, { isFirst, isEnd })
    texts.push(...taken.texts.map((one) => one.text.slice(0, 100)))
    start += taken.consumed
    skip = taken.skip
  }
  return texts
}
