import assert from 'node:assert/strict'
import { it } from 'node:test'
import { tunFault } from './tun.ts'

it('says why wireguard-go has no way into the network', async () => {
  assert.equal(await tunFault('/dev/null'), undefined)
  assert.equal(await tunFault('/no/such/tun'), '"/no/such/tun" is not there')
  assert.equal(await tunFault('/proc'), '"/proc" cannot be opened (EISDIR)')
})
