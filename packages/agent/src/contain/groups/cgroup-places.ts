/** Where control groups (cgroups(7)) are mounted, and which folder of each hierarchy this process is in. */
import { join, relative } from 'node:path'
import { fromOctal } from '@plexd/runtime'

export interface CgroupPlace {
  mount: string
  /** The folder of our own group, in or below `mount`. */
  own: string
}

export interface CgroupPlaces {
  /** The unified hierarchy, version 2. */
  unified?: CgroupPlace
  /** Hierarchies of version 1 by controller, such as `memory`. */
  byController: ReadonlyMap<string, CgroupPlace>
}

/** From the texts of /proc/self/mountinfo and /proc/self/cgroup. Pure. */
export function readPlaces(mountinfo: string, cgroups: string): CgroupPlaces {
  const groups = readGroups(cgroups)
  const mounts = mountinfo.split('\n').flatMap(readMount)
  const byController = new Map<string, CgroupPlace>()
  let unified: CgroupPlace | undefined
  for (const mount of mounts) {
    if (mount.version === 2) unified ??= placeOf(mount, groups.get(''))
    else
      for (const name of mount.options)
        if (groups.has(name)) byController.set(name, placeOf(mount, groups.get(name)))
  }
  return { ...(unified ? { unified } : {}), byController }
}

interface Mount {
  version: 1 | 2
  /** The group that is mounted. */
  root: string
  path: string
  options: string[]
}

/** A line is `36 35 98:0 ROOT PATH rw,noatime [fields] - TYPE SOURCE OPTIONS` (proc_pid_mountinfo(5)). */
function readMount(line: string): Mount[] {
  const [before = '', after = ''] = line.split(' - ')
  const [, , , root, path] = before.split(' ')
  const [type, , options = ''] = after.split(' ')
  if (root === undefined || path === undefined) return []
  if (type !== 'cgroup' && type !== 'cgroup2') return []
  const version = type === 'cgroup2' ? 2 : 1
  return [{ version, root: fromOctal(root), path: fromOctal(path), options: options.split(',') }]
}

/** Lines are `4:memory:/path`, and `0::/path` for version 2. */
function readGroups(text: string): Map<string, string> {
  const groups = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [, names, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
    if (path !== undefined) for (const name of (names ?? '').split(',')) groups.set(name, path)
  }
  return groups
}

/** A group outside of what is mounted is taken for that. */
function placeOf({ root, path }: Mount, group = '/'): CgroupPlace {
  const inside = relative(root, group)
  return { mount: path, own: inside.startsWith('..') ? path : join(path, inside) }
}
