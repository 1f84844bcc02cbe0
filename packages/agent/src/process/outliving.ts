/** Processes that go on when the daemon ends, also where systemd runs it and would end all that is in its control group. */
import { existsSync, readFileSync } from 'node:fs'
import { readlink } from 'node:fs/promises'
import type { Tool } from '@plexd/runtime'

/** Whether this process is in a service of systemd, of which these are the control groups (cgroups(7)). Pure. */
export function isInService(cgroups: string): boolean {
  return cgroups.split('\n').some((line) => {
    const [, controllers, path = ''] = line.split(':')
    const isSystemds = controllers === '' || controllers === 'name=systemd'
    // With DelegateSubgroup= there is one more below the service.
    return isSystemds && /\.service(\/[^/]+)?$/.test(path)
  })
}

/** Whether systemd runs this machine, and this process as root in one of its services. */
export function hasSystemd(): boolean {
  if (process.getuid?.() !== 0 || !existsSync('/run/systemd/system')) return false
  return isInService(readFileSync('/proc/self/cgroup', 'utf8'))
}

/** Whether a unit that systemd starts has the same interfaces as we do. */
export async function isInNetworkOfSystemd(): Promise<boolean> {
  const networkOf = (pid: string): Promise<string | undefined> =>
    readlink(`/proc/${pid}/ns/net`).catch(() => undefined)
  const [ours, its] = await Promise.all([networkOf('self'), networkOf('1')])
  return ours !== undefined && ours === its
}

/** In front of a command, so that it runs in a scope of its own: with our descriptors, namespaces and process id as before. */
export function inScope(description: string): readonly [Tool, ...string[]] {
  const quiet = ['--scope', '--quiet', '--collect', `--description=${description}`]
  return ['systemd-run', ...quiet, '--slice=system.slice', '--']
}
