/** A control group of version 1 or 2, which is a folder. */
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, errorCodeOf } from '@plexd/runtime'
import type { GroupSetting } from './limits.ts'

export async function makeGroup(path: string, settings: readonly GroupSetting[]): Promise<void> {
  await mkdir(path)
  for (const { file, value, isOptional } of settings)
    await writeFile(join(path, file), value).catch((error: unknown) => {
      if (!isOptional) throw new Error(`limit "${file}" to ${value}`, { cause: error })
    })
}

/** All processes in it and in groups that they have made in it. */
export async function pidsIn(path: string): Promise<number[]> {
  const groups = [path, ...(await groupsIn(path))]
  const texts = await Promise.all(
    groups.map((group) => readFile(join(group, 'cgroup.procs'), 'utf8').catch(() => '')),
  )
  return texts.flatMap((text) => text.split('\n').filter(Boolean).map(Number))
}

/** Sends SIGKILL to all of them; some may remain for a moment, and where the kernel is old, be new. */
export async function killIn(path: string): Promise<void> {
  if (await wasWritten(join(path, 'cgroup.kill'), '1')) return
  // None may start another while they are gone through.
  if (!(await wasWritten(join(path, 'cgroup.freeze'), '1')))
    await wasWritten(join(path, 'pids.max'), '0')
  for (const pid of await pidsIn(path)) sendSignal(pid, 'SIGKILL')
}

const patienceMs = 1_000

/** Once it is empty, which the kernel may learn a moment after the last process has ended. */
export async function removeGroup(path: string, clock: Pick<Clock, 'sleep'>): Promise<void> {
  const groups = [...(await groupsIn(path)), path]
  for (let waitedMs = 0; ; waitedMs += 10) {
    const left = await Promise.all(groups.map(isLeft))
    if (!left.includes(true) || waitedMs >= patienceMs) return
    await clock.sleep(10)
  }
}

/** What was no longer there has ended. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (errorCodeOf(error) !== 'ESRCH') throw error
  }
}

async function isLeft(path: string): Promise<boolean> {
  return rmdir(path).then(
    () => false,
    (error: unknown) => errorCodeOf(error) !== 'ENOENT',
  )
}

/** The deepest first. */
async function groupsIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => [])
  const folders = entries.filter((entry) => entry.isDirectory())
  const found = await Promise.all(
    folders.map(async ({ name }) => {
      const inner = join(path, name)
      return [...(await groupsIn(inner)), inner]
    }),
  )
  return found.flat()
}

async function wasWritten(path: string, text: string): Promise<boolean> {
  return writeFile(path, text, { flag: 'r+' }).then(
    () => true,
    () => false,
  )
}
