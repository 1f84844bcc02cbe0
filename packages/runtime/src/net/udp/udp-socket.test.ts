import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openUdpSocket } from './udp-socket.ts'

describe('openUdpSocket', () => {
  it('opens no other address than the one that it was asked for', async () => {
    // Addresses of documentation: no host has them.
    for (const host of ['192.0.2.1', '2001:db8::1'])
      await assert.rejects(openUdpSocket(0, host), { code: /^E(ADDRNOTAVAIL|AFNOSUPPORT)$/ })
  })

  it('opens a name', async () => {
    await using socket = await openUdpSocket(0, 'localhost')
    assert.ok(socket.port > 0)
  })
})
