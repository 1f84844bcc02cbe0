import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Peer, parseCidr } from '@plexd/protocol'
import { createLastUsable } from './last-usable.ts'

const web: Peer = {
  id: 'n_web',
  public_key: Buffer.alloc(32, 1).toString('base64'),
  mesh_ip: '10.100.1.2',
  endpoint: '',
  allowed_ips: ['10.100.1.2/32'],
  psk: '',
}
const mesh = () => ({ meshRanges: [parseCidr('10.100.0.0/16')] })

describe('createLastUsable', () => {
  it('judges again when a peer or a rule has changed, and only then', () => {
    const usable = createLastUsable()
    const first = usable([web], mesh())
    assert.equal(usable([web], mesh()), first)

    const narrow = usable([web], { meshRanges: [parseCidr('10.100.2.0/24')] })
    assert.deepEqual(narrow.peers[0]?.allowed_ips, [])
    const wide = usable([{ ...web, allowed_ips: ['10.100.1.2/32', 'nonsense'] }], mesh())
    assert.match(wide.problems.join(), /"nonsense"/)
    assert.deepEqual(usable([], mesh()).peers, [])
  })
})
