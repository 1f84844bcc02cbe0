import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { findDriver, findTunnelProcesses, interfaceIn, listenersAt } from './tunnel-processes.ts'

describe("the process behind wireguard-go's socket", () => {
  const path = '/var/run/wireguard/plexd0.sock'

  it('owns the listening socket, not an accepted connection', () => {
    const text = [
      'Num       RefCount Protocol Flags    Type St Inode Path',
      `0000000000000000: 00000002 00000000 00010000 0001 01 2772155 ${path}`,
      `0000000000000000: 00000003 00000000 00000000 0001 03 2772156 ${path}`,
      '0000000000000000: 00000002 00000000 00010000 0001 01 2772157 @plexd/plexd0',
      '0000000000000000: 00000003 00000000 00000000 0001 03 2772158',
      `0000000000000000: 00000002 00000000 00010000 0001 01 2772159 ${path}.x`,
      '',
    ].join('\n')
    assert.deepEqual(listenersAt([path], text), ['2772155'])
    assert.deepEqual(listenersAt([path], ''), [])
  })

  it('drives the interface that its descriptor names', () => {
    assert.equal(interfaceIn('pos:\t0\nflags:\t0104002\niff:\tstrayed\n'), 'strayed')
    assert.equal(interfaceIn('pos:\t0\n'), undefined)
  })

  it('is found by its open files, unless it drives no interface and its socket is no longer there', async (t) => {
    if (process.getuid?.() !== 0) return void t.skip('to look at what processes hold needs root')
    const folder = await mkdtemp(join(tmpdir(), 'plexd-test-'))
    const server = createServer().listen(join(folder, 's'))
    await once(server, 'listening')
    const [found, ...others] = await findTunnelProcesses(join(folder, 's'))
    assert.deepEqual([found?.pid, found?.drives, others], [process.pid, false, []])
    assert.equal(await findDriver(join(folder, 's')), undefined)
    await rm(folder, { recursive: true })
    assert.deepEqual(await findTunnelProcesses(join(folder, 's')), [])
    server.close()
  })
})
