import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { parseRange } from '../control-api/artifacts/byte-range.ts'
import { type ArtifactFiles, openArtifactFiles } from './files.ts'

const name = { version: '1.5.0', os: 'linux', arch: 'amd64' }
const maxBytes = 1_000_000

describe('openArtifactFiles', () => {
  it('keeps a file under its name, with the checksum of what came', async () => {
    await withFiles(async (files) => {
      const received = await files.receive(pieces('pl', 'exd'), { maxBytes })
      assert.deepEqual([received.size, received.checksum], [5, checksumOf('plexd')])
      await received.keep(name)
      await using file = await files.open(name)
      assert.equal(await file?.readFile('utf8'), 'plexd')
    })
  })

  it('takes the expected checksum in either form, and refuses another', async () => {
    await withFiles(async (files, folder) => {
      const hex = checksumOf('plexd').slice('sha256:'.length)
      for (const expectedChecksum of [hex, hex.toUpperCase(), `sha256:${hex}`])
        await (await files.receive(pieces('plexd'), { maxBytes, expectedChecksum })).discard()
      const wrong = files.receive(pieces('other'), { maxBytes, expectedChecksum: hex })
      await assert.rejects(wrong, { code: 'bad_request', message: /^checksum mismatch/ })
      assert.deepEqual(await readdir(join(folder, 'incoming')), [])
    })
  })

  it('leaves nothing of an upload that is too large, empty or cut off', async () => {
    await withFiles(async (files, folder) => {
      await assert.rejects(files.receive(pieces('123', '456'), { maxBytes: 5 }), {
        code: 'payload_too_large',
      })
      await assert.rejects(files.receive(pieces(), { maxBytes }), { code: 'bad_request' })
      await assert.rejects(files.receive(cutOff(), { maxBytes }), /aborted/)
      assert.deepEqual(await readdir(join(folder, 'incoming')), [])
    })
  })

  it('clears what an earlier run left half done', async () => {
    await withFiles(async (_, folder) => {
      await writeFile(join(folder, 'incoming', 'half'), 'x')
      await openArtifactFiles(folder)
      assert.deepEqual(await readdir(join(folder, 'incoming')), [])
    })
  })

  it('never leaves its folder', async () => {
    await withFiles(async (files) => {
      for (const version of ['..', '.', '', 'a/b', '../x', 'a\u0000', '.hidden', 'x'.repeat(129)])
        await assert.rejects(files.open({ ...name, version }), { code: 'bad_request' })
    })
  })

  it('opens nothing where nothing is', async () => {
    await withFiles(async (files) => {
      assert.equal(await files.open(name), undefined)
      await files.remove(name)
    })
  })
})

describe('parseRange', () => {
  it('reads the three forms of a single range', () => {
    assert.deepEqual(parseRange('bytes=0-3', 10), { start: 0, end: 3 })
    assert.deepEqual(parseRange('bytes=4-', 10), { start: 4, end: 9 })
    assert.deepEqual(parseRange('bytes=-3', 10), { start: 7, end: 9 })
    assert.deepEqual(parseRange('bytes=5-99', 10), { start: 5, end: 9 })
    assert.deepEqual(parseRange('bytes=-99', 10), { start: 0, end: 9 })
  })

  it('ignores what it cannot read', () => {
    for (const header of [
      undefined,
      '',
      'bytes=-',
      'bytes=a-b',
      'lines=1-2',
      'bytes=1-2,4-5',
      'bytes=5-4',
    ])
      assert.equal(parseRange(header, 10), undefined)
  })

  it('knows a range behind the end', () => {
    for (const header of ['bytes=10-', 'bytes=10-20', 'bytes=-0'])
      assert.equal(parseRange(header, 10), 'unsatisfiable')
  })
})

async function withFiles(
  use: (files: ArtifactFiles, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-artifacts-'))
  try {
    await use(await openArtifactFiles(folder), folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text)
}

async function* cutOff(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('begin')
  throw new Error('aborted')
}

function checksumOf(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`
}
