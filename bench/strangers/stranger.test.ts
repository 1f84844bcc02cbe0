import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startStranger } from './stranger.ts'

describe('startStranger', () => {
  it('says so when the stranger ends instead of answering', async () => {
    using stranger = startStranger()
    const order = { place: { socket: '/nowhere' }, what: 'unheard of', seconds: 1 }
    await assert.rejects(
      stranger.send({ ...order, heads: { 'control heartbeat': '' } }),
      /ended with code 1 and gave no answer$/,
    )
  })
})
