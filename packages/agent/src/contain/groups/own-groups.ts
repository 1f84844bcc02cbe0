/** The control groups of programs, each with the name of the process that has made it. */
import { createHash } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, isMissing } from '@plexd/runtime'
import { hasEndedNow, identify } from '../../process/process-identity.ts'
import { endAll, fenceOf } from './fence.ts'
import { makeGroup, removeGroup } from './group.ts'
import { type ContainLimits, groupSettings } from './limits.ts'
import type { ContainMethod, LimitName } from './method.ts'

/** The folder for the groups of a data dir: another plexd on this machine has another. */
export async function groupsName(dataDir: string): Promise<string> {
  const { dev, ino } = await stat(dataDir)
  return `plexd-${createHash('sha256').update(`${dev}:${ino}`).digest('hex').slice(0, 12)}`
}

/** A number for each group of this process. */
export async function createGroupNames(): Promise<() => string> {
  const own = await identify(process.pid)
  let count = 0
  return () => `${process.pid}-${own?.startTicks ?? 0}-${++count}`
}

/** The groups of one program: first that by which it is ended. */
export interface ProgramGroups extends AsyncDisposable {
  readonly folders: readonly string[]
  /** The limits that it has come up against. */
  met(): Promise<LimitName[]>
}

export async function makeGroups(
  name: string,
  limits: ContainLimits,
  { method, clock }: { method: ContainMethod; clock: Pick<Clock, 'sleep'> },
): Promise<ProgramGroups> {
  const settings = groupSettings(limits, method.limits)
  const { fence } = method
  const parents = new Set([...(fence.kind === 'cgroup' ? [fence.path] : []), ...settings.keys()])
  const folders = [...parents].map((parent) => join(parent, name))
  const remove = async (): Promise<void> => {
    for (const folder of folders) await removeGroup(folder, clock)
  }
  try {
    for (const parent of parents) await makeGroup(join(parent, name), settings.get(parent) ?? [])
  } catch (error) {
    await remove()
    throw error
  }
  return { folders, met: () => limitsMet(folders), [Symbol.asyncDispose]: remove }
}

/** Counts in files of groups of either version: above 0 if the limit was met. */
const counters: [LimitName, file: string, count: RegExp][] = [
  ['memory', 'memory.events', /^oom_kill (\d+)$/m],
  ['memory', 'memory.oom_control', /^oom_kill (\d+)$/m],
  ['pids', 'pids.events', /^max (\d+)$/m],
]

async function limitsMet(folders: readonly string[]): Promise<LimitName[]> {
  const met = new Set<LimitName>()
  for (const [limit, file, count] of counters)
    for (const folder of folders) {
      const text = await readFile(join(folder, file), 'utf8').catch(() => '')
      if (Number(count.exec(text)?.[1] ?? 0) > 0) met.add(limit)
    }
  return [...met]
}

/**
 * Ends what is left in groups whose process has ended, or was this one before it replaced its
 * program. Not with `own: false` in those of this one. Returns how many groups there were.
 */
export async function endLeftovers(
  method: ContainMethod,
  clock: Pick<Clock, 'sleep'>,
  { own = true } = {},
): Promise<number> {
  const methods = [method.fence, ...Object.values(method.limits)]
  const parents = new Set(methods.flatMap((each) => ('path' in each ? [each.path] : [])))
  let count = 0
  for (const parent of parents)
    for (const name of await namesIn(parent)) {
      if (!(await isLeftover(name, own))) continue
      const folder = join(parent, name)
      await endAll(fenceOf(0, folder), clock)
      await removeGroup(folder, clock)
      count++
    }
  return count
}

/** The folder is only there while a group is. */
async function namesIn(parent: string): Promise<string[]> {
  return readdir(parent).catch((error: unknown) => {
    if (isMissing(error)) return []
    throw error
  })
}

/** Whether the process that has made it has ended, or was this one before. */
export async function isLeftover(name: string, own: boolean): Promise<boolean> {
  const [, pid, startTicks] = /^(\d+)-(\d+)-\d+$/.exec(name) ?? []
  if (pid === undefined) return false
  const maker = await identify(Number(pid)).catch(() => undefined)
  if (!maker || maker.startTicks !== startTicks) return true
  if (maker.pid === process.pid) return own
  // In a container nobody may wait for it: then it is there for ever, as a zombie.
  return hasEndedNow(maker)
}
