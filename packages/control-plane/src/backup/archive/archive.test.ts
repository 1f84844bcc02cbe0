import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import { generateIdentity, identityToRecipient } from 'age-encryption'
import type { Manifest } from './manifest.ts'
import { readArchive } from './read-archive.ts'
import { type StagedFile, writeArchive } from './write-archive.ts'

const contents = { 'control-plane.db': 'x'.repeat(300_000), 'tls/ca.key': 'secret', empty: '' }
const isAll = process.env.PLEXD_BACKUP_FLIPS === 'all'
const seed = Number(process.env.PLEXD_SEED ?? Date.now() % 1_000_000)

describe('an archive', () => {
  let folder: Awaited<ReturnType<typeof mkdtempDisposable>>
  let identity: string
  let recipient: string
  let files: StagedFile[]
  before(async () => {
    folder = await mkdtempDisposable(join(tmpdir(), 'plexd-archive-'))
    identity = await generateIdentity()
    recipient = await identityToRecipient(identity)
    files = await Promise.all(
      Object.entries(contents).map(async ([path, text], index) => {
        const source = join(folder.path, `file-${index}`)
        await writeFile(source, text)
        const sha256 = createHash('sha256').update(text).digest('hex')
        return { path, source, size: text.length, mode: 0o600, sha256 }
      }),
    )
  })
  after(() => folder[Symbol.asyncDispose]())

  const manifestOf = (some: readonly StagedFile[]): Manifest => ({
    format: 'plexd-backup',
    format_version: 1,
    created_at: '2026-03-10T12:00:00.000Z',
    program_version: '1',
    schema_version: 1,
    epoch: 'e',
    sequence: 1,
    nodes: 0,
    parts: [],
    master_key_id: '0',
    elsewhere: [],
    files: some.map(({ source: _, ...file }) => file),
  })

  async function written(
    recipients: readonly string[],
    manifest = manifestOf(files),
    some = files,
  ) {
    const to = new PassThrough()
    const [bytes] = await Promise.all([
      buffer(to),
      writeArchive({ manifest, files: some, recipients, to }),
    ])
    return bytes
  }

  async function read(bytes: Uint8Array, identities?: readonly string[]) {
    const path = join(folder.path, 'archive')
    await writeFile(path, bytes)
    const found: Record<string, string> = {}
    await readArchive(path, {
      identities,
      onManifest: async () => {},
      async open(file) {
        const chunks: Buffer[] = []
        return new Writable({
          write: (chunk, _encoding, done) => {
            chunks.push(chunk)
            done()
          },
          final(done) {
            found[file.path] = Buffer.concat(chunks).toString()
            done()
          },
        })
      },
    })
    return found
  }

  it('gives back what was put into it, encrypted or not', async () => {
    assert.deepEqual(await read(await written([])), contents)
    const encrypted = await written([recipient])
    assert.deepEqual(await read(encrypted, [identity]), contents)
    assert.equal(encrypted.includes('secret'), false)
    await assert.rejects(read(encrypted), { message: /it is encrypted: .*--identity-file$/ })
    await assert.rejects(read(encrypted, [await generateIdentity()]), {
      message: /^open backup .*: want the key of one of its recipients/,
    })
  })

  it('is opened by age and tar, and opens what age has encrypted', async (t) => {
    if (spawnSync('age', ['--version']).error) return t.skip('age is not installed')
    const key = join(folder.path, 'key')
    await writeFile(key, `${identity}\n`)
    const plain = execFileSync('age', ['-d', '-i', key], { input: await written([recipient]) })
    const names = execFileSync('tar', ['--zstd', '-t'], { input: plain }).toString()
    assert.deepEqual(names.trim().split('\n'), ['manifest.json', ...Object.keys(contents)])
    const again = execFileSync('age', ['-r', recipient], { input: await written([]) })
    assert.deepEqual(await read(again, [identity]), contents)
  })

  for (const kind of ['encrypted', 'plain'])
    it(`is refused with any byte changed, or cut off anywhere: ${kind} (seed ${seed})`, async () => {
      const bytes = await written(kind === 'encrypted' ? [recipient] : [])
      const refused = { message: /^(read|open) backup ".*": / }
      for (const position of positionsIn(bytes)) {
        const changed = Buffer.from(bytes)
        changed[position] = (changed[position] ?? 0) ^ (1 << (position % 8))
        await assert.rejects(
          read(changed, [identity]),
          refused,
          `byte ${position} of ${bytes.length}`,
        )
        await assert.rejects(
          read(bytes.subarray(0, position), [identity]),
          refused,
          `cut at ${position}`,
        )
      }
      await assert.rejects(read(Buffer.concat([bytes, Buffer.alloc(1)]), [identity]), refused)
    })

  it('is refused if files are exchanged, missing or more than the manifest names', async () => {
    const [one, other, ...rest] = files
    assert.ok(one && other)
    const exchanged = [
      { ...one, source: other.source, size: other.size },
      { ...other, source: one.source, size: one.size },
      ...rest,
    ]
    for (const some of [
      exchanged,
      [other, one, ...rest],
      [one],
      [...files, { ...one, path: 'more' }],
    ])
      await assert.rejects(read(await written([], manifestOf(files), some)), {
        message: /^read backup .*(is not what the manifest names|is missing|is another)/,
      })
    for (const path of ['../x', '/etc/x', 'a/../b', '.hidden', 'a/.b'])
      await assert.rejects(read(await written([], manifestOf([{ ...one, path }]), [])), {
        message: /its manifest is not that of a backup/,
      })
  })

  it('is not left half in memory or open when the disk takes no more', async () => {
    const to = createWriteStream('/dev/full')
    await assert.rejects(
      writeArchive({ manifest: manifestOf(files), files, recipients: [recipient], to }),
      { code: 'ENOSPC' },
    )
  })

  /** Ends and beginnings, and some in between; all of them with --all. */
  function positionsIn(bytes: Uint8Array): number[] {
    const all = Array.from(bytes, (_, index) => index)
    if (isAll) return all
    let state = seed
    const next = (): number => {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31
      return state % bytes.length
    }
    return [
      ...new Set([...all.slice(0, 12), ...all.slice(-45), ...Array.from({ length: 40 }, next)]),
    ]
  }
})
