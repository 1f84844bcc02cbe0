import { readFile } from 'node:fs/promises'
import type { AuditStatus } from '../kernel/audit-kernel.ts'

/** Counts what the kernel itself could not keep: such records have no number, so no hole tells of them. */
export interface LostRecords {
  /** How many there were since the last call; the first one gives 0. */
  since(status: AuditStatus): Promise<number>
}

/** `readCommandLine`: of the kernel. */
export function createLostRecords(
  readCommandLine: () => Promise<string> = () => readFile('/proc/cmdline', 'utf8'),
): LostRecords {
  let last: number | undefined

  return {
    async since({ lost, daemonPid }) {
      const before = last ?? lost
      last = lost
      if (lost <= before) return 0
      // Told to audit from the boot on, it holds records for an auditd, and counts what it cannot hold, though it was sent to others.
      const isOnlyUnheld = daemonPid === 0 && /\baudit=1\b/.test(await readCommandLine())
      return isOnlyUnheld ? 0 : lost - before
    },
  }
}
