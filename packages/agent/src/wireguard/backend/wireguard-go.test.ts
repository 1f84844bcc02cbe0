import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createFakeClock } from '@plexd/runtime/testing'
import { createWireguardGo } from './wireguard-go.ts'

describe('a wireguard-go that gives no answer', () => {
  it('is given up after the second failure in a row, because it may only be busy', async (t) => {
    if (process.getuid?.() !== 0) return void t.skip('to look at what processes hold needs root')
    // This process listens, and has a tunnel open: that is all by which one is known.
    const tunnel = await open('/dev/net/tun', 'r+').catch(() => undefined)
    if (!tunnel) return void t.skip('there is no /dev/net/tun')
    const folder = await mkdtemp(join(tmpdir(), 'plexd-test-'))
    const socketPath = join(folder, 's')
    const server = createServer().listen(socketPath)
    await once(server, 'listening')
    const exec = (): never => assert.fail('nothing is started')
    const clock = createFakeClock()
    const go = createWireguardGo({ interfaceName: 'plexd0', socketPath, exec, clock })

    assert.equal(await go.whySilent(), undefined)
    go.answered()
    assert.equal(await go.whySilent(), undefined)
    const gone = `wireguard-go, process ${process.pid}, gave no answer, twice`
    assert.equal(await go.whySilent(), gone)
    assert.equal(await go.whyStopped(), undefined)

    server.close()
    await tunnel.close()
    await rm(folder, { recursive: true })
  })
})
