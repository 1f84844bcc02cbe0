import { stat } from 'node:fs/promises'
import { type Clock, describeError, type Log } from '@plexd/runtime'
import { startTask } from '../../../process/task.ts'
import type { AuditKernel } from '../kernel/audit-kernel.ts'

export interface Watches extends AsyncDisposable {
  /** What is not watched, and why; empty if all is. */
  problems(): readonly string[]
}

export interface WatchesOptions {
  paths: readonly string[]
  kernel: AuditKernel
  clock: Clock
  log: Log
}

/** A path that is not there yet, or was replaced by another file system. */
const retryMs = 60_000

/** Has the kernel watch these paths until disposed of. Its audit is on meanwhile; if it was off, it is off again afterwards. */
export function startWatches({ paths, kernel, clock, log }: WatchesOptions): Watches {
  let problems: string[] = []
  let wasOff = false

  async function watchAll(): Promise<string[]> {
    const { enabled } = await kernel.status()
    if (enabled === 'locked') throw new Error('its rules are locked until the machine is started')
    if (enabled === 'off') {
      await kernel.enable(true)
      wasOff = true
    }
    const tried = await Promise.all(paths.map(watchOne))
    return tried.filter((problem) => problem !== undefined)
  }

  async function watchOne(path: string): Promise<string | undefined> {
    try {
      const stats = await stat(path).catch(() => undefined)
      await kernel.watch({ path, isFolder: stats?.isDirectory() ?? false })
      return undefined
    } catch (error) {
      return `"${path}" is not watched: ${describeError(error)}`
    }
  }

  const task = startTask(async (signal) => {
    try {
      // Of a run that was killed, maybe with other paths.
      await kernel.unwatchAll()
    } catch (error) {
      if (paths.length > 0) problems = [describeError(error)]
    }
    while (paths.length > 0) {
      const before = problems
      problems = await watchAll().catch((error: unknown) => [describeError(error)])
      for (const problem of problems)
        if (!before.includes(problem))
          log.warn('a path (audit.watch) is not watched', { error: problem })
      await clock.sleep(retryMs, signal)
    }
  })

  return {
    problems: () => problems,
    async [Symbol.asyncDispose]() {
      await task[Symbol.asyncDispose]()
      if (paths.length === 0) return
      try {
        await kernel.unwatchAll()
        if (wasOff) await kernel.enable(false)
      } catch (error) {
        log.warn('rules of audit (audit.watch) could not be removed', {
          error: describeError(error),
        })
      }
    },
  }
}
