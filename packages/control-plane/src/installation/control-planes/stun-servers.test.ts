import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { mergeStunServers, stunServersOf } from './stun-servers.ts'

const other = { state: 'waiting', silentMs: 0, stun: ['203.0.113.6:3478'] }

describe('stunServersOf', () => {
  it('names those of each that was heard of lately, and does not end', () => {
    const { stun } = other
    assert.deepEqual(stunServersOf([]), [])
    assert.deepEqual(
      stunServersOf([
        { ...other, silentMs: 7_000 },
        { ...other, stun: [] },
      ]),
      stun,
    )
    assert.deepEqual(stunServersOf([{ ...other, silentMs: 7_001 }]), [])
    assert.deepEqual(stunServersOf([{ ...other, state: 'stopping' }]), [])
    assert.deepEqual(stunServersOf([{ ...other, state: 'serving' }]), stun, 'it serves no more')
  })

  it('believes an address in the table no more than a setting', () => {
    const told = [
      'cp2.example.com',
      '[2001:db8::5]:3479',
      'a b',
      'cp:0',
      '[::g]:1',
      '',
      'x'.repeat(254),
    ]
    const read = ['cp2.example.com:3478', '[2001:db8::5]:3479']
    assert.deepEqual(stunServersOf([{ ...other, stun: told }]), read)
    const noTexts = [null, ['cp3.example.com']] as unknown as string[]
    assert.deepEqual(stunServersOf([{ ...other, stun: noTexts }]), [])
  })
})

describe('mergeStunServers', () => {
  const some = fc.array(fc.integer({ min: 1, max: 20 }).map((port) => `cp.example:${port}`))

  it('names all of its own and then of the others, each once, as far as there is room', () => {
    fc.assert(
      fc.property(some, some, (own, others) => {
        const merged = mergeStunServers(own, others)
        const all = new Set([...own, ...others])
        assert.equal(merged.length, Math.min(all.size, 16))
        assert.equal(new Set(merged).size, merged.length)
        const first = [...new Set(own)].slice(0, 16)
        assert.deepEqual(merged.slice(0, first.length), first)
        for (const server of merged) assert.ok(all.has(server))
      }),
    )
  })
})
