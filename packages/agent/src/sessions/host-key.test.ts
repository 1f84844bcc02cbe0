import assert from 'node:assert/strict'
import { createPrivateKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import { chmod, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { SshPublicKey } from '@plexd/protocol'
import ssh2 from 'ssh2'
import { Check } from 'typebox/value'
import { makeFolder } from '../testing/node.ts'
import { openHostKey } from './host-key.ts'

describe('openHostKey', () => {
  it('makes a key once, which only its owner reads, and whose public half SSH understands', async () => {
    await using folder = await makeFolder()
    const made = await openHostKey(folder.path)
    const path = join(folder.path, 'ssh_host_ed25519_key')
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    assert.ok(Check(SshPublicKey, made.publicKey))
    const key = ssh2.utils.parseKey(made.publicKey)
    assert.ok(!(key instanceof Error))
    const challenge = Buffer.from('challenge')
    const signature = sign(null, challenge, createPrivateKey(await readFile(path)))
    assert.ok(verify(null, challenge, key.getPublicPEM(), signature))
    assert.deepEqual(await openHostKey(folder.path), made)
  })

  it('refuses a file that is no such key, and one that others may read', async () => {
    await using folder = await makeFolder()
    const path = join(folder.path, 'ssh_host_ed25519_key')
    const pem = { type: 'pkcs8', format: 'pem' } as const
    const { privateKey: good } = generateKeyPairSync('ed25519', { privateKeyEncoding: pem })
    const { privateKey: rsa } = generateKeyPairSync('rsa', {
      modulusLength: 2_048,
      privateKeyEncoding: pem,
    })
    for (const text of ['', 'nothing', rsa, good.slice(0, 80)]) {
      await writeFile(path, text, { mode: 0o600 })
      await assert.rejects(openHostKey(folder.path), /ssh_host_ed25519_key".*want an Ed25519 key/)
    }
    await writeFile(path, good)
    await chmod(path, 0o644)
    await assert.rejects(openHostKey(folder.path), /ssh_host_ed25519_key/)
  })
})
