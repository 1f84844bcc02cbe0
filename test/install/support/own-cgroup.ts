import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/**
 * Control groups for one machine, below our own. Two that shared one would share those of their units too: a unit of which
 * another machine has a process never ends, and cannot be started again.
 */
export interface OwnCgroup extends AsyncDisposable {
  /** The command, begun in them. */
  wrap(command: readonly string[]): string[]
}

export async function makeCgroup(name: string): Promise<OwnCgroup> {
  const text = await readFile('/proc/self/cgroup', 'utf8')
  const groups = hierarchies(text)
    .filter((folder) => existsSync(join(folder, 'cgroup.procs')))
    .map((folder) => join(folder, name))
  for (const group of groups) await mkdir(group, { recursive: true })
  const script =
    'while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs"; shift; done; shift; exec "$@"'
  return {
    wrap: (command) => ['sh', '-c', script, 'sh', ...groups, '--', ...command],
    async [Symbol.asyncDispose]() {
      const all = ['-depth', '-type', 'd', '-exec', 'rmdir', '{}', ';']
      for (const group of groups) await promisify(execFile)('find', [group, ...all])
    },
  }
}

/** Our groups in the hierarchies that systemd keeps its units in: cgroups(7). */
function hierarchies(text: string): string[] {
  const root = '/sys/fs/cgroup'
  const unified = existsSync(join(root, 'cgroup.controllers')) ? root : join(root, 'unified')
  return text.split('\n').flatMap((line) => {
    const [, id, controllers, path = ''] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? []
    if (id === '0') return [join(unified, path)]
    return controllers === 'name=systemd' ? [join(root, 'systemd', path)] : []
  })
}
