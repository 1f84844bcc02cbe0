import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { namesToAsk } from './resolver-files.ts'

const resolvConf =
  '# of DHCP\ndomain old.example\nsearch corp.example example.net .\nnameserver 192.0.2.1\n'

describe('namesToAsk', () => {
  it('asks only for the name itself if it has a dot', () => {
    assert.deepEqual(namesToAsk('stun.example', resolvConf), ['stun.example'])
    assert.deepEqual(namesToAsk('stun.', resolvConf), ['stun.'])
  })

  it('appends the search domains in force to a name without a dot', () => {
    const names = ['stun.corp.example', 'stun.example.net', 'stun']
    assert.deepEqual(namesToAsk('stun', resolvConf), names)
    assert.deepEqual(namesToAsk('stun', 'nameserver 192.0.2.1\n'), ['stun'])
    assert.deepEqual(namesToAsk('stun', ''), ['stun'])
  })
})
