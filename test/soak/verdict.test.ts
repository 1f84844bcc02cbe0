import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Watch, wrongIn } from './verdict.ts'

const calm: Watch = {
  passed: [{ name: 'web', sent: 50, answered: 0 }],
  clear: [{ name: 'web', packets: [] }],
}

describe('wrongIn', () => {
  it('finds nothing where what is denied was tried and got no answer', () => {
    assert.deepEqual(wrongIn(calm), [])
  })

  it('tells of an answer to what is denied', () => {
    const passed = [{ name: 'web', sent: 50, answered: 1 }]
    assert.match(wrongIn({ ...calm, passed }).join(), /^1 of 50 packets from web/)
  })

  it('tells of a packet in clear', () => {
    const clear = [{ name: 'db', packets: ['IP 10.100.0.1 > 10.100.0.2: ICMP'] }]
    assert.match(wrongIn({ ...calm, clear }).join(), /cable of db: IP 10\.100/)
  })

  it('is not content with what was not tried', () => {
    const passed = [{ name: 'web', sent: 0, answered: 0 }]
    assert.match(wrongIn({ ...calm, passed }).join(), /nothing was proved/)
  })
})
