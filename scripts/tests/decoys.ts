import { execFileSync, spawn } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { markName } from './marked.ts'

/** Things that look like ours and belong to somebody else, as they may be on the machine of whoever runs the tests. */
export interface Decoys extends Disposable {
  /** What has not survived. */
  lost(): string[]
}

/**
 * A program named wireguard-go, and on a machine that is there for tests a table of nftables with our name, which denies
 * nothing.
 */
export function placeDecoys(): Decoys {
  const folder = mkdtempSync(join(tmpdir(), 'decoy-'))
  const file = join(folder, 'wireguard-go')
  copyFileSync('/bin/cat', file)
  const { [markName]: _, ...unmarked } = process.env
  // It reads until we end, in whatever way.
  const program = spawn(file, [], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    env: unmarked,
  })
  const hasTable = process.env.CI === 'true' && nft('add table inet plexd')
  return {
    lost: () => [
      ...(program.exitCode === null && program.signalCode === null ? [] : ['wireguard-go']),
      ...(hasTable && !nft('list table inet plexd') ? ['table inet plexd'] : []),
    ],
    [Symbol.dispose]() {
      program.kill('SIGKILL')
      if (hasTable) nft('delete table inet plexd')
      rmSync(folder, { recursive: true })
    },
  }
}

/** Whether it could be done. */
function nft(command: string): boolean {
  try {
    execFileSync('nft', [command], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
