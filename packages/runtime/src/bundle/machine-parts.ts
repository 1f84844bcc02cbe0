import { readFile, statfs } from 'node:fs/promises'
import { arch, availableParallelism, loadavg, release, uptime } from 'node:os'
import { describeError } from '../log/log.ts'
import { exec } from '../process/exec.ts'
import type { Tool } from '../process/tools.ts'
import type { Part } from './read-part.ts'

/** The machine that a program runs on, without a name of anybody; `folder` lies on the disk that the program writes to. */
export function machinePart(folder: string): Part {
  return {
    file: 'machine.json',
    about: 'kernel, distribution, memory, disk',
    read: () => describeMachine(folder),
  }
}

async function describeMachine(folder: string): Promise<Record<string, unknown>> {
  return {
    kernel: release(),
    distribution: (await textOf('/etc/os-release')).split('\n').filter(Boolean),
    node: process.version,
    arch: arch(),
    uid: process.getuid?.(),
    uptime_seconds: Math.round(uptime()),
    processors: availableParallelism(),
    load: loadavg(),
    memory: (await textOf('/proc/meminfo')).split('\n').slice(0, 5),
    pressure: (await textOf('/proc/pressure/memory')).split('\n').filter(Boolean),
    cgroup: (await textOf('/proc/self/cgroup')).split('\n').filter(Boolean),
    disk: await describeDisk(folder),
  }
}

/** What each program says is its version. */
export async function describeTools(
  commands: readonly (readonly [Tool, string])[],
): Promise<Record<string, string>> {
  const pairs = commands.map(async ([tool, flag]) => {
    const said = await exec([tool, flag], { timeoutMs: 5_000 }).catch(describeError)
    return [tool, said.trim().slice(0, 1_024)] as const
  })
  return Object.fromEntries(await Promise.all(pairs))
}

function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(describeError)
}

async function describeDisk(folder: string): Promise<unknown> {
  try {
    const { bavail, blocks, bsize, ffree } = await statfs(folder)
    return { folder, free_bytes: bavail * bsize, total_bytes: blocks * bsize, files_free: ffree }
  } catch (error) {
    return { folder, error: describeError(error) }
  }
}
