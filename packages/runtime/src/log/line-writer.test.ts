import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createLineWriter } from './line-writer.ts'

/** A pipe with room for so many bytes, which a reader makes again. */
function createPipe(room: number) {
  const pipe = { text: '', room, waits: 0, due: [] as (() => void)[] }
  const writer = createLineWriter({
    put(bytes) {
      if (pipe.room === 0) throw new Error('EAGAIN')
      const taken = bytes.subarray(0, pipe.room)
      pipe.text += Buffer.from(taken)
      pipe.room -= taken.length
      return taken.length
    },
    lostLine: (count) => `lost ${count}\n`,
    maxBytes: 8,
    later: (_ms, call) => void pipe.due.push(call),
    pause: () => void pipe.waits++,
  })
  return Object.assign(pipe, { writer })
}

describe('createLineWriter', () => {
  it('writes at once where there is room', () => {
    const pipe = createPipe(100)

    pipe.writer.write('one\n')

    assert.equal(pipe.text, 'one\n')
    assert.equal(pipe.due.length, 0)
  })

  it('keeps what does not fit, in order, also in the middle of a line', () => {
    const pipe = createPipe(6)
    pipe.writer.write('one\n')
    pipe.writer.write('two\n')
    pipe.writer.write('six\n')
    assert.equal(pipe.text, 'one\ntw')

    pipe.room = 100
    pipe.due.pop()?.()

    assert.equal(pipe.text, 'one\ntwo\nsix\n')
  })

  it('counts the lines for which nothing was left, and says so where they would stand', () => {
    const pipe = createPipe(0)
    for (const line of ['one\n', 'two\n', 'lost\n', 'lost\n', 'lost\n']) pipe.writer.write(line)

    pipe.room = 4
    pipe.due.shift()?.()
    pipe.writer.write('six\n')
    pipe.room = 100
    pipe.due.shift()?.()
    pipe.writer.write('ten\n')

    assert.equal(pipe.text, 'one\ntwo\nlost 3\nsix\nten\n')
  })

  it('says what was lost even when nothing comes behind it', () => {
    const pipe = createPipe(0)
    pipe.writer.write('x'.repeat(9))

    pipe.room = 100
    pipe.due.shift()?.()

    assert.equal(pipe.text, 'lost 1\n')
  })

  it('waits at the end for a reader who reads, and gives up on one who does not', () => {
    const slow = createPipe(0)
    slow.writer.write('one two\n')
    Object.defineProperty(slow, 'waits', { set: () => (slow.room += 1) })
    slow.writer.flush()
    assert.equal(slow.text, 'one two\n')

    const none = createPipe(0)
    none.writer.write('one\n')
    none.writer.flush()
    assert.ok(none.waits > 0 && none.waits < 100, String(none.waits))
  })
})
