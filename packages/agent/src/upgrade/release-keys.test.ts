import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { releaseStatement } from '@plexd/protocol'
import { checkSignature, loadReleaseKeys } from './release-keys.ts'

const release = {
  version: '1.1.0',
  os: 'linux',
  arch: 'amd64',
  checksum: `sha256:${'ab'.repeat(32)}`,
}
const ours = generateKeyPairSync('ed25519')
const others = generateKeyPairSync('ed25519')
const signed = (statement: string): string =>
  sign(null, Buffer.from(statement), ours.privateKey).toString('base64')

describe('checkSignature', () => {
  it('accepts what one of the keys has signed', () => {
    const signature = signed(releaseStatement(release))
    checkSignature(release, signature, [others.publicKey, ours.publicKey])
    checkSignature({ ...release, checksum: 'AB'.repeat(32) }, signature, [ours.publicKey])
  })

  it('refuses the signature of another version, platform or file, and of another key', () => {
    const keys = [ours.publicKey]
    const signature = signed(releaseStatement(release))
    for (const change of [
      { version: '1.2.0' },
      { os: 'freebsd' },
      { arch: 'arm64' },
      { checksum: `sha256:${'cd'.repeat(32)}` },
    ])
      assert.throws(() => checkSignature({ ...release, ...change }, signature, keys), /by none of/)
    assert.throws(() => checkSignature(release, signature, [others.publicKey]), /by none of/)
    assert.throws(() => checkSignature(release, 'AAAA', keys), /by none of the 1 release keys/)
  })

  it('refuses a signature in which any bit is another, and one that is cut or has grown', () => {
    const good = Buffer.from(signed(releaseStatement(release)))
    const refuses = (signature: string) =>
      assert.throws(() => checkSignature(release, signature, [ours.publicKey]), /by none of/)
    for (let bit = 0; bit < good.length * 8; bit++) {
      const bad = Buffer.from(good)
      bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      refuses(bad.toString('latin1'))
    }
    for (let length = 1; length < good.length; length++) refuses(String(good.subarray(0, length)))
    for (const more of ['\n', '=', ' ', 'A', String(good)]) refuses(`${good}${more}`)
  })

  it('says what to do without a signature, and without a key', () => {
    assert.throws(() => checkSignature(release, '', [ours.publicKey]), /--signature/)
    assert.throws(() => checkSignature(release, 'AAAA', []), /upgrade\.keys/)
  })
})

describe('loadReleaseKeys', () => {
  it('reads files with several keys in PEM, and single keys in base64', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'plexd-test-'))
    try {
      const file = join(folder, 'keys.pem')
      const pems = [ours, others].map(({ publicKey }) =>
        String(publicKey.export({ type: 'spki', format: 'pem' })),
      )
      await writeFile(file, pems.join('\n'))
      const raw = ours.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32)
      const keys = loadReleaseKeys([file, raw.toString('base64')])
      assert.equal(keys.length, 3)
      assert.ok(keys[2]?.equals(ours.publicKey))
      await writeFile(file, 'nothing')
      assert.throws(() => loadReleaseKeys([file]), /holds no public key in PEM/)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('takes a key that begins as a path does for a key', () => {
    assert.equal(loadReleaseKeys(['/CrkItECEQ+V1Ecr6dpZG7P3o5eQ7P5BFA5vOW6wY2A=']).length, 1)
  })
})
