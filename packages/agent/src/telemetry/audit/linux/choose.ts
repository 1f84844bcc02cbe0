import { stat } from 'node:fs/promises'
import { describeError, errorCodeOf } from '@plexd/runtime'

/** A way by which the kernel's events come here. */
export type Way = { type: 'netlink' } | { type: 'plugin' | 'log'; path: string }

/**
 * auditd's log comes first: what was written while plexd did not run is there. Its plugin is for machines on which it writes none.
 * The kernel itself needs no auditd, and forgets what nobody has read.
 */
export const usualPlaces = ['/var/log/audit/audit.log', '/run/audispd_events', 'netlink'] as const

export interface Machine {
  canReadNetlink(): boolean
  isDaemonRunning(): Promise<boolean>
}

/** The first place that can be used, and why those before it cannot. */
export async function chooseWay(
  places: readonly string[],
  machine: Machine,
): Promise<{ way: Way | undefined; passed: string[] }> {
  const passed: string[] = []
  for (const place of places) {
    const found = await examine(place, machine)
    if (typeof found !== 'string') return { way: found, passed }
    passed.push(`${place}: ${found}`)
  }
  return { way: undefined, passed }
}

async function examine(place: string, machine: Machine): Promise<Way | string> {
  if (place === 'netlink')
    return machine.canReadNetlink() ? { type: 'netlink' } : 'the kernel refuses (CAP_AUDIT_READ)'
  try {
    const stats = await stat(place)
    if (stats.isSocket()) return { type: 'plugin', path: place }
    if (!stats.isFile()) return 'it is neither a log nor a socket'
    const isRunning = await machine.isDaemonRunning()
    return isRunning ? { type: 'log', path: place } : 'no auditd writes to it'
  } catch (error) {
    return errorCodeOf(error) === 'ENOENT' ? 'it is not there' : describeError(error)
  }
}
