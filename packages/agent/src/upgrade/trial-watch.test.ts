import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { lackOf } from './trial-watch.ts'

const peers = Array.from({ length: 10 }, (_, at) => `n_${at}`)
const well = {
  isHeard: true,
  wanted: new Set(peers),
  connected: new Set(peers),
  uptimeMs: 90_000,
}

describe('lackOf', () => {
  it('finds nothing where all is as before', () => {
    assert.equal(lackOf({ peers }, well, 90_000), undefined)
    assert.equal(lackOf({ peers: [] }, { ...well, connected: new Set() }, 90_000), undefined)
  })

  it('wants a heartbeat that was accepted, and some time', () => {
    assert.match(String(lackOf({ peers }, { ...well, isHeard: false }, 0)), /no heartbeat/)
    assert.equal(
      lackOf({ peers }, { ...well, uptimeMs: 89_999 }, 90_000),
      'it has not run for 1m30s yet',
    )
  })

  it('wants nine in ten of the peers that were reached, if they are still to be there', () => {
    const connected = new Set(peers.slice(0, 8))
    assert.equal(
      lackOf({ peers }, { ...well, connected }, 0),
      'it reaches 8 of the 10 peers that were reached before',
    )
    assert.equal(
      lackOf({ peers }, { ...well, connected: new Set(peers.slice(0, 9)) }, 0),
      undefined,
    )
    assert.equal(lackOf({ peers }, { ...well, connected, wanted: connected }, 0), undefined)
    const one = { ...well, connected: new Set<string>() }
    assert.match(String(lackOf({ peers: ['n_0'] }, one, 0)), /reaches 0 of the 1/)
  })
})
