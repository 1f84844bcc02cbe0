import { access, constants, mkdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { exec } from '@plexd/runtime'
import { type CgroupPlaces, readPlaces } from './cgroup-places.ts'
import type { ContainFacts } from './method.ts'

/**
 * Tries what this machine offers, and makes a folder of this name in each hierarchy that is used. Nothing that is
 * missing is an error.
 */
export async function findFacts(name: string): Promise<ContainFacts> {
  const places = await findPlaces()
  const unified = await openUnified(places, name)
  const byController = await openByController(places, name)
  const hasGroups = unified !== undefined || byController.has('pids')
  return {
    ...(unified ? { unified } : {}),
    byController,
    pidNamespaces: !hasGroups && (await mayUnshare()),
  }
}

/** Removes the folders, unless groups are left in them. */
export async function forgetFacts({ unified, byController }: ContainFacts): Promise<void> {
  const paths = [...(unified ? [unified.path] : []), ...byController.values()]
  await Promise.allSettled(paths.map((path) => rmdir(path)))
}

async function findPlaces(): Promise<CgroupPlaces> {
  const [mountinfo, cgroups] = await Promise.all(
    ['/proc/self/mountinfo', '/proc/self/cgroup'].map((path) =>
      readFile(path, 'utf8').catch(() => ''),
    ),
  )
  return readPlaces(mountinfo ?? '', cgroups ?? '')
}

const controllers = ['memory', 'pids', 'cpu']

/** The first place with our controllers; without one, any in which a group can be made. */
async function openUnified(
  { unified }: CgroupPlaces,
  name: string,
): Promise<ContainFacts['unified']> {
  if (!unified) return undefined
  const opened: NonNullable<ContainFacts['unified']>[] = []
  for (const parent of unifiedParents(unified)) {
    const group = await openGroup(parent, name)
    if (group) opened.push(group)
    if (group && hasAll(group)) break
  }
  const best = opened.find(hasAll) ?? opened[0]
  const others = opened.filter(({ path }) => path !== best?.path)
  await Promise.allSettled(others.map(({ path }) => rmdir(path)))
  return best
}

function hasAll(group: NonNullable<ContainFacts['unified']>): boolean {
  return controllers.every((controller) => group.controllers.has(controller))
}

/**
 * A group with processes of its own cannot pass controllers on. Systemd's `DelegateSubgroup=` puts a service below
 * its unit, whose folder is then ours; otherwise the top of the hierarchy is tried, which may have both.
 */
function unifiedParents({ mount, own }: { mount: string; own: string }): string[] {
  const isSubgroup = /\.(service|scope)$/.test(basename(dirname(own)))
  return [...new Set([...(isSubgroup ? [dirname(own)] : []), mount, own])]
}

async function openGroup(parent: string, name: string): Promise<ContainFacts['unified']> {
  const path = join(parent, name)
  if (!(await makeFolder(path))) return undefined
  for (const folder of [parent, path])
    for (const controller of controllers)
      await writeFile(join(folder, 'cgroup.subtree_control'), `+${controller}`).catch(() => {})
  const passed = await readFile(join(path, 'cgroup.subtree_control'), 'utf8').catch(() => '')
  const hasKill = await isWritable(join(path, 'cgroup.kill'))
  return { path, hasKill, controllers: new Set(passed.trim().split(' ')) }
}

async function openByController(
  { byController }: CgroupPlaces,
  name: string,
): Promise<Map<string, string>> {
  const open = new Map<string, string>()
  for (const controller of controllers) {
    const place = byController.get(controller)
    // Below our own group, whose limits then apply too.
    const path = place && join(place.own, name)
    if (path !== undefined && (await makeFolder(path))) open.set(controller, path)
  }
  return open
}

async function makeFolder(path: string): Promise<boolean> {
  await mkdir(path).catch(() => {}) // it may be there from an earlier life
  return isWritable(join(path, 'cgroup.procs'))
}

function isWritable(path: string): Promise<boolean> {
  return access(path, constants.W_OK).then(
    () => true,
    () => false,
  )
}

function mayUnshare(): Promise<boolean> {
  return exec(['unshare', ...unshareOptions(), '--', 'sh', '-c', ':']).then(
    () => true,
    () => false,
  )
}

/** Without root a PID namespace needs a user namespace. */
export function unshareOptions(): string[] {
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-current-user']
  return [...user, '--pid', '--fork', '--kill-child']
}
