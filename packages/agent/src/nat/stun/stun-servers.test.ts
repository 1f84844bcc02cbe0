import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { silentLog } from '@plexd/runtime'
import { addressesInHosts } from './resolver-files.ts'
import { createStunNames } from './stun-servers.ts'

describe('createStunNames', () => {
  it('puts IPv4 first, and leaves out what does not resolve', async () => {
    const servers = ['[2001:db8::1]:3478', '203.0.113.5', 'no-such-host.invalid', 'stun.example']
    const ask = async (host: string) => {
      if (host !== 'stun.example') throw new Error('not found')
      return ['203.0.113.7', '203.0.113.8', '2001:db8::7']
    }
    assert.deepEqual(
      await createStunNames({ servers: () => servers, log: silentLog, ask }).resolve(),
      [
        { address: '203.0.113.5', port: 3478 },
        { address: '203.0.113.7', port: 3478 },
        { address: '2001:db8::1', port: 3478 },
        { address: '2001:db8::7', port: 3478 },
      ],
    )
  })

  it('uses the last answer of a name server while none answers', async () => {
    const answers = [['203.0.113.7'], undefined, ['203.0.113.9']]
    const ask = async () => answers.shift() ?? Promise.reject(new Error('timeout'))
    const names = createStunNames({ servers: () => ['stun.example'], log: silentLog, ask })
    const found = [await names.resolve(), await names.resolve(), await names.resolve()]
    assert.deepEqual(
      found.map(([first]) => first?.address),
      ['203.0.113.7', '203.0.113.7', '203.0.113.9'],
    )
  })

  it('reads the names in /etc/hosts', async () => {
    const names = createStunNames({ servers: () => ['localhost:3478'], log: silentLog })
    assert.equal((await names.resolve())[0]?.port, 3478)
  })
})

describe('addressesInHosts', () => {
  it('finds a name among several, without case and comments', () => {
    const text =
      '127.0.0.1 localhost\n# 192.0.2.1 stun\n192.0.2.2\tother Stun.Example # stun\n::1 stun.example'
    assert.deepEqual(addressesInHosts(text, 'stun.example'), ['192.0.2.2', '::1'])
    assert.deepEqual(addressesInHosts(text, 'stun'), [])
  })
})
