import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { UapiError } from '../backend/uapi.ts'
import type { Backend, PeerChange, WgChange } from '../backend/wg-interface.ts'
import { emptyRecord } from '../device/device-record.ts'
import { refusalError, withoutRefused, writePeers } from './write-peers.ts'

const changes: PeerChange[] = ['a', 'b', 'bad', 'd', 'e'].map((public_key) => ({
  public_key,
  type: 'add',
}))

function backend(refuse: (change: WgChange) => void) {
  const written = new Set<string>()
  const fake: Backend = {
    name: 'wireguard-go',
    read: () => assert.fail('nothing is read'),
    async write(change) {
      refuse(change)
      for (const { public_key } of change.peers) written.add(public_key)
    },
  }
  return { fake, written }
}

describe('writePeers', () => {
  it('writes all in one call', async () => {
    let calls = 0
    const { fake } = backend(() => void calls++)

    assert.deepEqual(await writePeers(fake, changes), [])
    assert.equal(calls, 1)
  })

  it('makes no call if there is nothing to write', async () => {
    const { fake } = backend(() => assert.fail('called'))

    assert.deepEqual(await writePeers(fake, []), [])
  })

  it('writes the others if one peer is refused', async () => {
    const { fake, written } = backend(({ peers }) => {
      if (!peers.some(({ public_key }) => public_key === 'bad')) return
      throw new Error('ask', { cause: new UapiError(22) })
    })

    const refusals = await writePeers(fake, changes)

    assert.deepEqual([...written].sort(), ['a', 'b', 'd', 'e'])
    assert.deepEqual(
      refusals.map(({ public_key }) => public_key),
      ['bad'],
    )
    const record = { ...emptyRecord, peers: { bad: { id: 'n_bad', endpoint: '' } } }
    assert.match(refusalError(refusals, record).message, /refused 1 peers/)
    assert.deepEqual(withoutRefused(record, refusals), emptyRecord)
  })

  it('gives up if there is no answer', async () => {
    let calls = 0
    const { fake } = backend(() => {
      calls++
      throw new Error('connect ECONNREFUSED')
    })

    await assert.rejects(writePeers(fake, changes), /ECONNREFUSED/)
    assert.equal(calls, 1)
  })
})
