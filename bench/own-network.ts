import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Runs a bench again, with `--inside`, in a network namespace of its own and with a /run of its own: the machine's are left
 * alone. Its exit code becomes ours.
 */
export function runInOwnNetwork(program: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'plexd-bench-'))
  const inside = 'mount --bind "$0" /run && ip link set lo up && exec "$@"'
  const again = [process.execPath, program, '--inside', ...process.argv.slice(2)]
  const { status } = spawnSync('unshare', ['-nm', 'sh', '-c', inside, folder, ...again], {
    stdio: 'inherit',
  })
  rmSync(folder, { recursive: true, force: true })
  process.exitCode = status ?? 1
}
