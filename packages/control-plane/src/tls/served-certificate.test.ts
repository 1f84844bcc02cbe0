import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type Log, silentLog } from '@plexd/runtime'
import { makeTemporaryFolder } from '../testing/temporary-folder.ts'
import { loadTls } from './authority.ts'
import { serveCertificate } from './served-certificate.ts'

const dayMs = 24 * 60 * 60_000

describe('serveCertificate', () => {
  it('warns 30, 7 and 1 day before the end of a certificate that nobody renews', async () => {
    await using folder = await makeTemporaryFolder()
    const startMs = Date.now()
    const { cert, key } = await loadTls({ dataDir: folder.path, listenHost: '127.0.0.1' })
    const warnings: unknown[] = []
    const log: Log = { ...silentLog, warn: (message) => warnings.push(message) }
    let nowMs = startMs
    const served = await serveCertificate({
      load: async () => ({ cert, key }),
      onReplaced: () => assert.fail('it is the same'),
      now: () => nowMs,
      log,
    })
    const warnedAt: number[] = []
    for (let day = 0; day < 365; day++) {
      nowMs = startMs + day * dayMs
      const before = warnings.length
      await served.refresh()
      if (warnings.length > before) warnedAt.push(365 - day)
    }
    assert.deepEqual(warnedAt, [30, 7, 1])
    assert.equal(warnings.length, 3)
  })

  it('serves what was read last, however long another reading takes', async () => {
    await using folder = await makeTemporaryFolder()
    const [first, second, third] = await Promise.all(
      ['a', 'b', 'c'].map((name) =>
        loadTls({ dataDir: join(folder.path, name), listenHost: '127.0.0.1' }),
      ),
    )
    const slow = Promise.withResolvers<void>()
    const readings = [first, slow.promise.then(() => second), third]
    const served = await serveCertificate({
      load: async () => (await readings.shift()) ?? assert.fail('it is read thrice'),
      onReplaced: () => undefined,
      now: Date.now,
      log: silentLog,
    })
    const both = Promise.all([served.refresh(), served.refresh()])
    slow.resolve()
    await both
    assert.equal(served.current(), third)
  })

  it('makes our own anew in time, and hands it on once', async () => {
    await using folder = await makeTemporaryFolder()
    let nowMs = Date.now()
    const replaced: string[] = []
    const served = await serveCertificate({
      load: () => loadTls({ dataDir: folder.path, listenHost: '127.0.0.1', nowMs }),
      onReplaced: ({ cert }) => replaced.push(cert),
      now: () => nowMs,
      log: { ...silentLog, warn: (message) => assert.fail(message) },
    })
    const [first] = [served.current().cert]
    for (let day = 0; day < 400; day++) {
      nowMs += dayMs
      await served.refresh()
    }
    assert.equal(replaced.length, 1)
    assert.notEqual(replaced[0], first)
    assert.ok((served.ends().get('server') ?? 0) > nowMs + 30 * dayMs)
  })
})
