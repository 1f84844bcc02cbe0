import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { silentLog, systemClock } from '@plexd/runtime'
import { defaultConfig } from '../config.ts'
import { openReportStore, type ReportWriteInput } from './report-store.ts'

const { limits } = defaultConfig

/** A file system of 256 KiB, where mounting is allowed. */
async function aSmallDisk(): Promise<(AsyncDisposable & { path: string }) | undefined> {
  const path = await mkdtemp(join(tmpdir(), 'plexd-full-'))
  try {
    execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', path], {
      stdio: 'ignore',
    })
  } catch {
    await rm(path, { recursive: true })
    return undefined
  }
  return {
    path,
    async [Symbol.asyncDispose]() {
      execFileSync('/bin/umount', ['-l', path])
      await rm(path, { recursive: true })
    },
  }
}

it('keeps nothing half-written on a full disk, and writes again when there is space', async (t) => {
  await using disk = await aSmallDisk()
  if (!disk) return void t.skip('mounting a tmpfs needs root')
  const options = { dataDir: disk.path, clock: systemClock, log: silentLog, limits }
  {
    await using store = await openReportStore(options)
    await store.put(entry('before'))
    const ballast = join(disk.path, 'ballast')
    await writeFile(ballast, Buffer.alloc(250_000)).catch(() => {})
    const big = { ...entry('big'), payload: JSON.stringify('x'.repeat(100_000)) }
    const results = await Promise.allSettled([store.put(big), store.put(entry('beside'))])
    assert.deepEqual(
      results.map(({ status }) => status),
      ['rejected', 'rejected'],
    )
    assert.deepEqual(store.keys(), ['before'])
    {
      await using again = await openReportStore(options)
      assert.deepEqual(again.keys(), ['before'])
    }
    await rm(ballast)
    assert.equal((await store.put(entry('after'))).version, 1)
    assert.equal((await store.put(big)).version, 1)
  }
  await using store = await openReportStore(options)
  assert.deepEqual(store.keys(), ['after', 'before', 'big'])
})

function entry(key: string): ReportWriteInput {
  return { key, content_type: 'text/plain', payload: '"x"' }
}
