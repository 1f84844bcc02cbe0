import { randomUUID } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Exec, makeFolder } from '@plexd/runtime'
import { parseDump } from './wg-dump.ts'
import type { Backend, PeerChange } from './wg-interface.ts'
import { wgAddConf, wgSetArgs } from './wg-set.ts'

/**
 * WireGuard by its own tool. Two calls at most for a change, however many peers it has; secrets travel in files that
 * only root can read and that exist as long as the call. Works with wireguard-go as well.
 */
export function createKernelBackend(options: {
  interfaceName: string
  /** On a tmpfs: what stands there for a moment holds keys. */
  runDir: string
  exec: Exec
}): Backend {
  const { interfaceName, runDir, exec } = options
  const read: Backend['read'] = async () =>
    parseDump(await exec(['wg', 'show', interfaceName, 'dump']))

  return {
    name: 'kernel',
    read,
    async write({ peers, ...settings }) {
      // An addition comes by the second call, so what is to follow it by a third.
      const added = new Set(peers.filter(({ type }) => type === 'add').map(keyOf))
      const follows = (peer: PeerChange): boolean =>
        peer.type === 'update' && added.has(keyOf(peer))
      const change = { ...settings, peers: peers.filter((peer) => !follows(peer)) }
      await withSecret(runDir, change.private_key, async (keyFile) => {
        const args = wgSetArgs(change, keyFile)
        if (args.length > 0) await exec(['wg', 'set', interfaceName, ...args])
      })
      const updatesPsk = change.peers.some(
        (peer) => peer.type === 'update' && peer.psk !== undefined,
      )
      const present = updatesPsk ? (await read()).peers : []
      const config = wgAddConf(change, allowedIpsAmong(present))
      if (config === '') return
      await withSecret(runDir, config, (file) =>
        exec(['wg', 'addconf', interfaceName, file ?? ''], { timeoutMs: 30_000 }),
      )
      const args = wgSetArgs({ peers: peers.filter(follows) })
      if (args.length > 0) await exec(['wg', 'set', interfaceName, ...args])
    },
  }
}

function keyOf({ public_key }: PeerChange): string {
  return public_key
}

function allowedIpsAmong(
  peers: readonly { public_key: string; allowed_ips: readonly string[] }[],
): (publicKey: string) => readonly string[] {
  const byKey = new Map(peers.map((peer) => [peer.public_key, peer.allowed_ips]))
  return (publicKey) => byKey.get(publicKey) ?? []
}

/** A file, not stdin: what Node gives a child as stdin is a socket, and `wg` cannot open that by its name in /dev. */
async function withSecret(
  runDir: string,
  secret: string | undefined,
  use: (file: string | undefined) => Promise<unknown>,
): Promise<void> {
  if (secret === undefined) return void (await use(undefined))
  makeFolder(runDir)
  const file = join(runDir, `.wg-${randomUUID()}`)
  try {
    await writeFile(file, `${secret}\n`, { mode: 0o600, flag: 'wx' })
    await use(file)
  } finally {
    await rm(file, { force: true })
  }
}
