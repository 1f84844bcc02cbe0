import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { opened, renamed } from '../testing/samples.ts'
import { createAssembler } from './assembler.ts'
import { parseLine } from './audit-line.ts'

const linesOf = (texts: readonly string[]) => texts.flatMap((text) => parseLine(text) ?? [])

describe('lines become events', () => {
  it('although those of two processors are mixed, with the end that auditd leaves out or not', () => {
    const assembler = createAssembler()
    const [first, second] = [linesOf(opened), linesOf(renamed)]
    const mixed = Array.from({ length: 8 }, (_, at) => [first[at], second[at]]).flat()
    const events = mixed.flatMap((line) => (line ? assembler.add(line, 0) : []))
    assert.deepEqual(
      events.map(({ serial, lines }) => [serial, lines.length]),
      [
        [2, 4],
        [3, 7],
      ],
    )
    assert.deepEqual(assembler.openLines(), [])
    assert.deepEqual(assembler.expire(60_000), [])
  })

  it('if their end does not come, after two seconds, or when there are too many', () => {
    const assembler = createAssembler()
    const [line] = linesOf(opened)
    assert.ok(line)
    assembler.add(line, 0)
    assert.deepEqual(assembler.openLines(), [opened[0]])
    assert.deepEqual(assembler.expire(1_999), [])
    assert.equal(assembler.expire(2_000).length, 1)
    const events = Array.from({ length: 100 }, (_, serial) =>
      assembler.add({ ...line, serial }, 2_000),
    ).flat()
    assert.equal(events.length, 36)
    assert.equal(events[0]?.serial, 0)
    const long = { ...line, text: 'x'.repeat(30_000) }
    for (let serial = 200; serial < 210; serial++) assembler.add({ ...long, serial }, 2_000)
    assert.equal(assembler.openLines().length, 2)
  })
})
