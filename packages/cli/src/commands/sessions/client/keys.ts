import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { CliError, createFileAtomic, readSecretFile } from '@plexd/runtime'
import { loadSsh2 } from './ssh2.ts'

/** An Ed25519 key in the formats of OpenSSH. */
export interface ClientKey {
  privateKey: string
  /** `ssh-ed25519 AAAA...`, without a comment. */
  publicKey: string
}

/** For one session. */
export async function newKey(): Promise<ClientKey> {
  const { utils } = await loadSsh2()
  for (;;) {
    const { private: privateKey, public: publicKey } = utils.generateKeyPairSync('ed25519')
    // ssh2 1.17 drops the first byte of a public key if it is zero, and such a key cannot be read.
    if (!(utils.parseKey(privateKey) instanceof Error)) return { privateKey, publicKey }
  }
}

/** That of this user for stock OpenSSH clients, which read it from a file; made by the first call. */
export async function keptKey(folder: string): Promise<ClientKey & { path: string }> {
  const path = join(folder, 'ssh_ed25519')
  if (!existsSync(path)) await createFileAtomic(path, (await newKey()).privateKey)
  const privateKey = readSecretFile(path, `read SSH key "${path}"`)
  const { utils } = await loadSsh2()
  const key = utils.parseKey(privateKey)
  if (key instanceof Error)
    throw new CliError(`read SSH key "${path}": ${key.message}: remove it, and a new one is made`)
  const publicKey = `${key.type} ${key.getPublicSSH().toString('base64')}`
  return { privateKey, publicKey, path }
}
