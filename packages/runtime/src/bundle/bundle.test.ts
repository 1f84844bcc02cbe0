import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdtempDisposable, readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createGate } from './gate.ts'
import type { Part } from './read-part.ts'
import { saveBundle } from './save-bundle.ts'
import { writeBundle } from './write-bundle.ts'

const base = { folder: 'b', head: { program: 'p' }, secrets: ['s3cret-value'], isBlind: false }
const options = { ...base, nowMs: 0 }

describe('writeBundle', () => {
  it('has each part in its place, or why it is missing', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'plexd-bundle-'))
    const parts: Part[] = [
      { file: 'slow.txt', about: 'never ends', timeoutMs: 20, read: () => new Promise(() => {}) },
      {
        file: 'a.json',
        about: 'a value',
        read: () => ({ a: 's3cret-value', url: 'https://u:p@h/x?y=z' }),
      },
      { file: 'n/bad.json', about: 'fails', read: () => Promise.reject(new Error('s3cret-value')) },
      { file: 'big.txt', about: 'too much', read: () => 'x'.repeat(5 * 1024 ** 2) },
    ]
    const to = createWriteStream(join(folder.path, 'out'))
    const facts = await writeBundle({ ...options, parts, to })

    execFileSync('tar', ['-xzf', 'out'], { cwd: folder.path })
    const read = (name: string) => readFile(join(folder.path, 'b', name), 'utf8')
    assert.equal(await read('slow.txt'), 'error: it took longer than 0.02 s\n')
    assert.deepEqual(JSON.parse(await read('a.json')), {
      a: '[redacted]',
      url: 'https://[redacted]@h/x?[redacted]',
    })
    assert.deepEqual(JSON.parse(await read('n/bad.json')), { error: '[redacted]' })
    assert.match(await read('big.txt'), /x\n\[cut off: it had 5242881 bytes\]\n$/)
    const manifest = JSON.parse(await read('manifest.json'))
    assert.deepEqual(manifest.parts, facts)
    assert.deepEqual(
      facts.map(({ file, redacted, error }) => [file, redacted, error !== undefined]),
      [
        ['slow.txt', 0, true],
        ['a.json', 3, false],
        ['n/bad.json', 1, true],
        ['big.txt', 0, false],
      ],
    )
  })

  it('fails when the disk takes no more', async () => {
    const parts = [{ file: 'a.txt', about: 'a', read: () => 'text' }]
    const to = createWriteStream('/dev/full')
    await assert.rejects(writeBundle({ ...options, parts, to }), { code: 'ENOSPC' })
  })
})

describe('saveBundle', () => {
  it('replaces nothing, and leaves nothing behind that is not whole', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'plexd-bundle-'))
    const out = join(folder.path, 'there')
    await writeFile(out, 'mine')
    const save = { ...options, out, json: true, notes: [], parts: [] }
    await assert.rejects(saveBundle(save), /write bundle ".*there": there is a file of that name/)
    await assert.rejects(saveBundle({ ...save, out: join(folder.path, 'none/x') }), /--out/)
    assert.deepEqual(await readdir(folder.path), ['there'])
  })
})

describe('createGate', () => {
  it('hides whatever may be a key where the secrets are not known', () => {
    const key = Buffer.alloc(32, 7).toString('base64')
    assert.equal(createGate({ secrets: [], isBlind: true })(`k ${key} k`), 'k [redacted] k')
    assert.equal(createGate({ secrets: [], isBlind: false })(`k ${key} k`), `k ${key} k`)
  })

  it('drops the query of each URL and path, whatever it is', () => {
    const gate = createGate({ secrets: [], isBlind: false })
    assert.equal(
      gate('GET /x?a=b#c "https://h/p?raw" http://h? why? so=1'),
      'GET /x?[redacted]#c "https://h/p?[redacted]" http://h? why? so=1',
    )
  })

  it('takes no longer for what was made to keep it busy', () => {
    const gate = createGate({ secrets: ['a-secret'], isBlind: true })
    const startMs = performance.now()
    gate('a'.repeat(400_000))
    const plainMs = performance.now() - startMs
    for (const piece of [
      ...['https://', 'a://b', 'a@', '/?', '?a=', 'password=', '"token":"', "token='", 'token: '],
      ...[
        'password="\\\\"',
        '--token ',
        'eyJ-',
        'eyJaaaaaaaa.',
        'cookie=',
        'authorization: token ',
      ],
    ])
      assert.ok(gate(piece.repeat(400_000 / piece.length)).length > 0)
    // Quadratic time would be some thousand times as long.
    assert.ok(performance.now() - startMs < plainMs * 200 + 5_000)
  })
})
