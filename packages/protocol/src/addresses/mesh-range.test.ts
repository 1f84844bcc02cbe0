import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseCidr } from './cidr.ts'
import { isPrivateRange, specialRangeIn } from './mesh-range.ts'

const kindOf = (text: string) => specialRangeIn(parseCidr(text))?.kind

describe('specialRangeIn', () => {
  it('names what no mesh can lie in or around', () => {
    const kinds = [
      '0.0.0.0/8',
      '127.1.0.0/16',
      '169.254.3.0/24',
      '224.0.0.0/8',
      '240.0.0.0/4',
      '0.0.0.0/1',
    ]
    assert.deepEqual(kinds.map(kindOf), [
      'for no host',
      'loopback',
      'link-local',
      'multicast',
      'reserved',
      'for no host',
    ])
    assert.equal(kindOf('10.100.0.0/16'), undefined)
  })
})

describe('isPrivateRange', () => {
  it('is for ranges that lie in a private one as a whole', () => {
    const own = ['10.0.0.0/8', '172.31.0.0/16', '192.168.7.0/24', '100.64.0.0/10']
    const others = ['8.8.8.0/24', '172.0.0.0/8', '100.0.0.0/8', '192.168.0.0/15']
    assert.deepEqual(own.map(parseCidr).map(isPrivateRange), [true, true, true, true])
    assert.deepEqual(others.map(parseCidr).map(isPrivateRange), [false, false, false, false])
  })
})
