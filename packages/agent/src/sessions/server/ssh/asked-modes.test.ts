import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { withModes } from '../programs/terminal-modes.ts'
import { modesOf } from './asked-modes.ts'

const text = (bytes: string | Buffer): Buffer => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, Buffer.from(bytes as string)])
}
const ptyRequest = (modes: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from([98, 0, 0, 0, 7]),
    text('pty-req'),
    Buffer.from([1]),
    text('xterm'),
    Buffer.alloc(16),
    text(modes),
  ])
const echoOff = [53, 0, 0, 0, 0]
const eraseIsBackspace = [3, 0, 0, 0, 8]

describe('the modes of a terminal that a client asks for', () => {
  it('are read up to their end', () => {
    const speed = [129, 0, 0, 0x96, 0]
    const modes = Buffer.from([...speed, ...echoOff, ...eraseIsBackspace, 0, ...[50, 0, 0, 0, 0]])
    const expected = [
      [129, 38_400],
      [53, 0],
      [3, 8],
    ]
    assert.deepEqual([...(modesOf(ptyRequest(modes)) ?? [])], expected)
    assert.deepEqual([...(modesOf(ptyRequest(Buffer.from([160, ...echoOff]))) ?? [])], [])
  })

  it('are those of a request for a terminal alone, whatever else comes', () => {
    const other = Buffer.concat([Buffer.from([98, 0, 0, 0, 7]), text('shell'), Buffer.from([1])])
    assert.equal(modesOf(other), undefined)
    const whole = ptyRequest(Buffer.from(echoOff))
    for (let length = 0; length < whole.length; length++)
      assert.equal(modesOf(whole.subarray(0, length)), undefined)
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void modesOf(Buffer.from([98, ...bytes]))))
  })

  it('are set in a struct termios, and nothing beside them', () => {
    const before = Buffer.alloc(60, 0xff)
    const after = withModes(
      before,
      new Map([
        ...[
          [53, 0],
          [3, 8],
          [1, 255],
          [129, 9],
        ],
      ] as [number, number][]),
    )
    const changed = [...after.entries()].filter(([at, byte]) => byte !== before[at])
    // ECHO is 8 of the flags at 12; VERASE is the third of the keys at 17, VINTR the first.
    assert.deepEqual(changed, [
      [12, 0xf7],
      [17, 0],
      [19, 8],
    ])
    assert.equal(withModes(after, new Map([[53, 1]])).readUInt32LE(12), 0xffff_ffff)
  })
})
