import { randomUUID } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Exec, makeFolder } from '@plexd/runtime'
import { rememberPeers } from './known-peers.ts'
import { parseDump, parsePeer } from './wg-dump.ts'
import type { Backend, PeerChange } from './wg-interface.ts'
import { wgAddConf, wgSetArgs } from './wg-set.ts'

/**
 * Drives WireGuard with `wg`: a few calls per change, however many peers. Secrets are passed in files that only
 * root can read and that exist only during the call. Works with wireguard-go as well.
 */
export function createKernelBackend(options: {
  interfaceName: string
  /** On a tmpfs, because files with keys are written there. */
  runDir: string
  exec: Exec
}): Backend {
  const { interfaceName, runDir, exec } = options
  const parsePeers = rememberPeers(parsePeer)
  const read: Backend['read'] = async () =>
    parseDump(await exec(['wg', 'show', interfaceName, 'dump']), parsePeers)

  return {
    name: 'kernel',
    read,
    async write({ peers, ...settings }) {
      // Additions are made by the second call, so updates of added peers need a third.
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

/** A file, because Node's stdin for a child is a socket, which `wg` cannot open as /dev/stdin. */
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
