import { dirname } from 'node:path'
import { startTask } from '../../../process/task.ts'
import { createTrigger } from '../../../process/trigger.ts'
import type { Collecting } from '../../buffer/collector.ts'
import { isGlob } from './find-files.ts'
import { createFollower, type FollowerOptions } from './follower.ts'
import { watchFolders } from './watch-folders.ts'

/** What no watch told of is found so late: on a network's disk, and where the kernel has no watches left. */
const lookMs = 10_000
const unwatchedLookMs = 2_000
/** A program that writes all the time has its lines read so often. */
const pauseMs = 200
/** Programs make and remove files beside the log without end. */
const namesPauseMs = 1_000
const waitingMs = 1_000
/** Among many names, looking for files takes a tenth of the time. */
const lookShare = 10
/** A disk that once answered late does not keep new files from being found for longer. */
const maxRestMs = 5 * 60_000

/** Follows files by the events of their folders, and looks itself now and then. */
export function startFiles(options: Omit<FollowerOptions, 'signal'>): Collecting {
  const { patterns, clock } = options
  const ending = new AbortController()
  const follower = createFollower({ ...options, signal: ending.signal })
  const woken = createTrigger(clock)
  let written = new Set<string>()
  let areNamesNew = false
  const folders = watchFolders({
    onWrite(path) {
      if (path !== undefined) written.add(path)
      if (path !== undefined || follower.hasMoved()) woken.fire()
    },
    onNames() {
      areNamesNew = true
      woken.fire()
    },
  })

  const task = startTask(async (signal) => {
    let lookedMs = Number.NEGATIVE_INFINITY
    let dueMs = 0
    let restMs = 0
    for (;;) {
      const sinceMs = clock.monotonic() - lookedMs
      if (sinceMs >= restMs && (sinceMs >= dueMs || areNamesNew)) {
        areNamesNew = false
        await follower.look()
        const unwatched = await folders.set([
          ...patterns.filter((one) => !isGlob(dirname(one))),
          ...follower.paths(),
        ])
        lookedMs = clock.monotonic()
        restMs = restAfterLook(follower.findingMs())
        dueMs = unwatched > 0 ? unwatchedLookMs : lookMs
        written = new Set(await follower.read())
      } else {
        const paths = written
        written = new Set()
        for (const path of await follower.read(paths)) written.add(path)
      }
      await clock.sleep(pauseMs, signal)
      const isSoon = written.size > 0 || areNamesNew
      await woken.wait(isSoon ? waitingMs - pauseMs : Math.max(dueMs, restMs), signal)
    }
  })

  return {
    sources: follower.sources,
    async [Symbol.asyncDispose]() {
      const ended = task[Symbol.asyncDispose]()
      ending.abort(new Error('plexd stops following files'))
      await ended
      folders[Symbol.dispose]()
      await follower[Symbol.asyncDispose]()
    },
  }
}

/** For so long there is no other look, when finding the files took so long. Pure. */
export function restAfterLook(tookMs: number): number {
  return Math.max(namesPauseMs, Math.min(tookMs * (lookShare - 1), maxRestMs))
}
