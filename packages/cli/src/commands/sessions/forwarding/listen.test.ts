import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import ssh2 from 'ssh2'
import { listenFor } from './listen.ts'

describe('listenFor', () => {
  it('resets a connection that comes when there is none to the node any more, and says so', async () => {
    const faults: string[] = []
    const forward = { localPort: 0, host: '127.0.0.1', port: 80 }
    using listener = await listenFor(new ssh2.Client(), forward, (text) => void faults.push(text))
    const [error] = await once(connect(listener.port, '127.0.0.1'), 'error')
    assert.equal(error.code, 'ECONNRESET')
    assert.deepEqual(faults, ['connect to 127.0.0.1:80: Not connected'])
  })
})
