import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Network, mounts and process ids: what outlives a daemon, as its backstop does, ends with the program. */
const own = ['-nmpf', '--mount-proc', '--kill-child']

/**
 * Runs a program in namespaces of its own and with a /run of its own, so that it cannot change the machine's.
 * Resolves to what it prints; throws when it fails, having said why on stderr.
 */
export function runInOwnNetwork(program: string, args: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'plexd-bench-'))
  const inside = 'mount --bind "$0" /run && ip link set lo up && exec "$@"'
  const command = [...own, 'sh', '-c', inside, folder, process.execPath, program, ...args]
  const { status, stdout } = spawnSync('unshare', command, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 64 * 1024 * 1024,
  })
  rmSync(folder, { recursive: true, force: true })
  if (stdout === '') throw new Error(`"unshare ${command.join(' ')}" ended with ${status}`)
  return stdout
}
