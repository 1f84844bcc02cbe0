import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { receiveDatagrams } from '../testing/datagram-receiver.ts'
import { until } from '../testing/until.ts'
import { takeServiceEnvironment } from './service-environment.ts'
import { openServiceManager } from './service-manager.ts'

const folder = mkdtempSync(join(tmpdir(), 'plexd-notify-'))
after(() => rmSync(folder, { recursive: true }))

function collectWarnings() {
  const warnings: Record<string, unknown>[] = []
  const log = {
    warn: (_message: string, fields: object = {}) => void warnings.push({ ...fields }),
  }
  return { warnings, log }
}

describe('openServiceManager', () => {
  for (const [kind, address] of [
    ['a path', join(folder, 'notify')],
    ['an abstract name', `@plexd-notify-${process.pid}`],
  ] as const)
    it(`tells by ${kind} what systemd is to know`, () => {
      using receiver = receiveDatagrams(address)
      const { warnings, log } = collectWarnings()
      const manager = openServiceManager({ NOTIFY_SOCKET: address }, log)

      manager.status('starting\nup')
      manager.status('starting  up')
      manager.ready()
      manager.alive()
      manager.extend(1_500)
      manager.reloading()
      manager.stopping(2_000)
      manager.ready()
      const told = receiver.read().map(String)

      assert.equal(told[0], 'STATUS=starting up')
      assert.deepEqual(told.slice(1, 4), ['READY=1', 'WATCHDOG=1', 'EXTEND_TIMEOUT_USEC=1500000'])
      assert.match(told[4] ?? '', /^RELOADING=1\nMONOTONIC_USEC=\d+$/)
      assert.equal(told[5], 'STOPPING=1\nSTATUS=stopping\nEXTEND_TIMEOUT_USEC=2000000')
      assert.equal(told.length, 6, 'nothing comes behind the end')
      assert.deepEqual(warnings, [])
    })

  it('is still alive, and no more, while the process starts anew', () => {
    const address = join(folder, 'again')
    using receiver = receiveDatagrams(address)
    const manager = openServiceManager({ NOTIFY_SOCKET: address }, collectWarnings().log)
    manager.restarting(1_000)
    manager.status('words')
    manager.alive()
    const [first = '', ...rest] = receiver.read().map(String)
    assert.match(first, /^RELOADING=1\n.*STATUS=restarting/s)
    assert.deepEqual(rest, ['WATCHDOG=1'])
  })

  it('waits for a manager that does not read, without waiting itself, and keeps the newest', async () => {
    const address = join(folder, 'slow')
    using receiver = receiveDatagrams(address)
    const manager = openServiceManager({ NOTIFY_SOCKET: address }, collectWarnings().log)
    for (let at = 0; at < 1_000; at++) manager.status(`words ${at}`)
    let told: string[] = []
    await until('the last has come', () => {
      told = [...told, ...receiver.read().map(String)]
      return told.includes('STATUS=words 999')
    })
    assert.ok(told.length < 1_000, 'others were dropped')
  })

  it('works on, and says so once, whatever the socket is', async () => {
    const file = join(folder, 'file')
    writeFileSync(file, '')
    const stream = createServer().listen(join(folder, 'stream'))
    for (const address of [
      '@',
      'relative/notify',
      'vsock:2:1234',
      '../../etc/passwd',
      `/${'x'.repeat(200)}`,
      `@${'x'.repeat(108)}`,
      join(folder, 'nobody'),
      folder,
      file,
      join(folder, 'stream'),
      '/proc/self/mem',
      '/dev/null',
    ]) {
      const { warnings, log } = collectWarnings()
      const manager = openServiceManager({ NOTIFY_SOCKET: address, WATCHDOG_USEC: '9' }, log)
      manager.status('words')
      manager.ready()
      manager.stopping(1)
      assert.equal(warnings.length, 1, address)
      assert.equal(warnings[0]?.socket, address)
    }
    stream.close()
  })

  it('tells nobody where there is no manager', () => {
    const { warnings, log } = collectWarnings()
    for (const service of [{}, { NOTIFY_SOCKET: '' }, { WATCHDOG_USEC: '1000000' }]) {
      const manager = openServiceManager(service, log)
      manager.ready()
      assert.deepEqual([manager.isThere, manager.watchdogMs], [false, undefined])
    }
    assert.deepEqual(warnings, [])
  })

  it('knows the watchdog of this process, and takes nothing that is no time', () => {
    const NOTIFY_SOCKET = join(folder, 'nobody')
    const read = (WATCHDOG_USEC: string, WATCHDOG_PID?: string) =>
      openServiceManager(
        { NOTIFY_SOCKET, WATCHDOG_USEC, ...(WATCHDOG_PID ? { WATCHDOG_PID } : {}) },
        collectWarnings().log,
      ).watchdogMs
    assert.equal(read('30000000'), 30_000)
    assert.equal(read('30000000', String(process.pid)), 30_000)
    assert.equal(read('30000000', '1'), undefined)
    for (const text of ['', '0', '-1', '1e9', ' 1', 'NaN', '9'.repeat(30)])
      assert.equal(read(text), undefined, text)
  })
})

it('takeServiceEnvironment leaves nothing to programs that inherit it', () => {
  const env = { NOTIFY_SOCKET: '/n', CREDENTIALS_DIRECTORY: '/c', LISTEN_FDS: '1', HOME: '/root' }
  assert.deepEqual(takeServiceEnvironment(env), {
    NOTIFY_SOCKET: '/n',
    CREDENTIALS_DIRECTORY: '/c',
    LISTEN_FDS: '1',
  })
  assert.deepEqual(env, { HOME: '/root' })
})
