import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { SharedFence } from '../../../contain/shared-fence.ts'
import { createDialAsUser } from './dial-as-user.ts'

describe('createDialAsUser', () => {
  it('tries again to start the process that connects, after it could not', async () => {
    let tries = 0
    const fence: SharedFence = {
      async command() {
        throw new Error(`setpriv is not installed, try ${++tries}`)
      },
      add() {},
      end: async () => [],
      async [Symbol.asyncDispose]() {},
    }
    const account = {
      name: 'nobody',
      uid: 65_534,
      gid: 65_534,
      groups: [],
      home: '/',
      shell: '/bin/sh',
    }
    const dial = createDialAsUser(account, fence, { program: 'true', args: [] })
    await assert.rejects(dial('127.0.0.1', 1), /try 1/)
    await assert.rejects(dial('127.0.0.1', 1), /try 2/)
  })
})
