import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { ownersHere, writeFileAtomic } from '@plexd/runtime'
import { readOwnSecret } from '../identity/own-secret.ts'
import { ed25519Type, encodePublicKey } from './ssh-encoding.ts'

/** The key by which SSH clients recognise this node. */
export interface HostKey {
  /** The private key, PKCS #8 in PEM. */
  pem: string
  /** As OpenSSH writes it: `ssh-ed25519 AAAA...` */
  publicKey: string
}

/** That of the data dir, which is made if there is none. Rejects with the reason if it cannot be read or kept. */
export async function openHostKey(dataDir: string): Promise<HostKey> {
  const path = join(dataDir, 'ssh_host_ed25519_key')
  const found = readOwnSecret(path, ownersHere(dataDir))
  if (found !== undefined) return readHostKey(found, path)
  const made = describeKey(generateKeyPairSync('ed25519').privateKey)
  await writeFileAtomic(path, made.pem)
  return made
}

function readHostKey(text: string, path: string): HostKey {
  try {
    const key = createPrivateKey(text)
    if (key.asymmetricKeyType === 'ed25519') return describeKey(key)
  } catch {
    // told below
  }
  throw new Error(
    `read "${path}": want an Ed25519 key in PEM (PKCS #8): remove the file, and plexd makes another`,
  )
}

function describeKey(key: KeyObject): HostKey {
  return {
    pem: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey: `${ed25519Type} ${encodePublicKey(key).toString('base64')}`,
  }
}
