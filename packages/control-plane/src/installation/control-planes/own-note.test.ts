import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createFakeClock } from '@plexd/runtime/testing'
import type { Announced } from '../../store/postgres/control-planes.ts'
import { createOwnNote } from './own-note.ts'

const startMs = Date.UTC(2025, 0, 15)
const aControlPlane = {
  ...{ id: 'one', machine: 'a', pid: 1, version: '1.0.0', state: 'waiting' },
  ...{ streams: 0, address: '192.0.2.1:8443', link: '', names: ['cp1'], stun: [] },
}

describe('what a control plane says of itself', () => {
  function open() {
    const clock = createFakeClock(startMs)
    const self = { ...aControlPlane }
    const told: [Announced, number][] = []
    const register = {
      announce: async (...given: [Announced, number]) => void told.push(given),
      list: async () => [],
      leave: async () => {},
      [Symbol.asyncDispose]: async () => {},
    }
    const note = createOwnNote(() => ({ ...self }), clock)
    return { clock, self, note, register, told }
  }

  it('is told at once when it is another, and otherwise every three seconds, however many streams there are', async () => {
    const { clock, self, note, register, told } = open()
    const tellAfter = async (ms: number): Promise<number> => {
      await clock.advance(ms)
      await note.tell(register)
      return told.length
    }
    assert.equal(await tellAfter(0), 1)
    self.streams = 7
    assert.equal(await tellAfter(2_999), 1)
    assert.equal(await tellAfter(1), 2)
    self.names = ['cp1', 'cp.example']
    assert.equal(await tellAfter(0), 3)
    assert.equal(await tellAfter(1), 3)
    self.state = 'serving'
    assert.equal(await tellAfter(500), 4)
    assert.deepEqual(told.at(-1), [{ ...self, sinceMs: startMs + 3_501 }, 0])
    await tellAfter(3_000)
    assert.deepEqual(told.at(-1), [{ ...self, sinceMs: startMs + 3_501 }, 3_000])
  })

  it('is told again when nobody has heard it, or it was seen to be another in between', async () => {
    const { clock, self, note, register, told } = open()
    const deaf = { ...register, announce: () => Promise.reject(new Error('away')) }
    await assert.rejects(note.tell(deaf), /away/)
    await note.tell(register)
    assert.equal(told.length, 1)
    self.state = 'serving'
    await clock.advance(10)
    assert.deepEqual(note.look(), { ...self, sinceMs: startMs + 10 })
    self.state = 'waiting'
    await note.tell(register)
    assert.equal(told.length, 2)
  })
})
