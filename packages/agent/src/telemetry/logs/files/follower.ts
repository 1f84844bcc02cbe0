import type { SourceStatus } from '@plexd/protocol'
import { type Clock, describeError, type Log } from '@plexd/runtime'
import type { Collector } from '../../buffer/collector.ts'
import { findMoved } from './copies.ts'
import { type FoundFile, findFiles, identify, isNamedBy } from './find-files.ts'
import { type FollowedFile, type ReadDeps, readFile, readRest } from './followed-file.ts'
import { copyPosition, keepPositions } from './kept-positions.ts'
import { createMovedFiles } from './moved-files.ts'
import { openFile } from './open-file.ts'
import type { Position } from './position.ts'

export interface FollowerOptions extends Omit<ReadDeps, 'onCopy'> {
  patterns: readonly string[]
  collector: Pick<Collector<unknown>, 'append' | 'cursor' | 'sources'>
  maxFiles?: number
  clock: Clock
  log: Log
}

/**
 * Keeps files open: what is written to them is read, wherever a rotation puts them. Calls must not overlap, and reject once the signal
 * is aborted.
 */
export interface Follower extends AsyncDisposable {
  /** Looks which files there are. */
  look(): Promise<void>
  /** How long the last look took to find them, without what it then did with them. */
  findingMs(): number
  /** Reads in turn what was written to those files, or to all. Resolves to those that are to be read again soon. */
  read(paths?: ReadonlySet<string>): Promise<string[]>
  /** Where they are, without those that are called otherwise now. */
  paths(): string[]
  /** Whether there are such, which every call of `read` reads. */
  hasMoved(): boolean
  sources(): SourceStatus[]
}

/** Chunks of a file that are read before another look at which files there are. */
const maxTurns = 64

export function createFollower(options: FollowerOptions): Follower {
  const { patterns, collector, maxFiles = 1_000, clock, log, signal } = options
  const files = new Map<string, FollowedFile>()
  const positions = keepPositions(collector, signal)
  const deps: ReadDeps = { ...options, onCopy: markCopy }
  const moved = createMovedFiles({ deps, positions, log })
  const opening = { positions, followed: () => files.values(), clock }
  /** Those that were there before and could not be opened or were too many, with their size: once they are followed, they are no new ones. */
  const known = new Map<string, number>()
  let states: SourceStatus[] = patterns.map((name) => ({ name, state: 'waiting', detail: '' }))
  let isStarted = false
  let findingMs = 0

  async function look(): Promise<void> {
    const there = new Set<string>()
    const left = new Map<string, number>()
    const next: SourceStatus[] = []
    findingMs = 0
    for (const pattern of patterns) next.push(await lookFor(pattern, there, left))
    for (const [id, file] of files) {
      if (there.has(id)) continue
      files.delete(id)
      if (left.has(id)) await file.handle.close()
      else moved.add(file)
    }
    if (!isStarted) {
      for (const [id, size] of left) if (!positions.of(id)) known.set(id, size)
      for (const { id, position } of positions.all())
        if (!files.has(id) && !left.has(id)) await resume(id, position)
    }
    isStarted = true
    await positions.settled()
    tell(next)
    states = next
  }

  /** Adds what it finds to `there`, up to the limit, and the rest to `left`: those go on where they were once there is room. */
  async function lookFor(
    pattern: string,
    there: Set<string>,
    left: Map<string, number>,
  ): Promise<SourceStatus> {
    const sinceMs = positions.since(pattern, clock.now())
    const startedMs = clock.monotonic()
    const { files: found, problems } = await findFiles(pattern)
    findingMs += clock.monotonic() - startedMs
    const chosen: FoundFile[] = []
    for (const one of found) {
      const id = identify(one.stats)
      if (there.size < maxFiles) there.add(id)
      if (there.has(id)) chosen.push(one)
      else left.set(id, one.stats.size)
    }
    for (const one of chosen.sort(knownFirst)) {
      signal.throwIfAborted()
      problems.push(...(await follow(identify(one.stats), one, sinceMs)))
    }
    const others = found.length - chosen.length
    if (others > 0) problems.push(`${others} more files than the ${maxFiles} that are followed`)
    return stateOf(pattern, chosen.length, problems)
  }

  /** A copy is known by what was read of the original, which has to be open. */
  function knownFirst(a: FoundFile, b: FoundFile): number {
    const isKnown = ({ stats }: FoundFile) => Number(positions.of(identify(stats)) !== undefined)
    return isKnown(b) - isKnown(a)
  }

  /** Returns why it cannot be followed. */
  async function follow(
    id: string,
    { path, stats }: FoundFile,
    sinceMs: number | undefined,
  ): Promise<string[]> {
    const file = files.get(id) ?? moved.take(id)
    if (file) {
      files.set(id, Object.assign(file, { path }))
      return []
    }
    // The kernel's time of a new file may be a little behind the clock.
    const isYounger = sinceMs !== undefined && stats.birthtimeMs >= sinceMs - 1_000
    const from = known.get(id) ?? (isStarted || isYounger ? 'beginning' : 'end')
    try {
      files.set(id, await openFile({ id, path, from }, opening))
      known.delete(id)
      return []
    } catch (error) {
      signal.throwIfAborted()
      if (from === 'end') known.set(id, stats.size)
      return [describeError(error)]
    }
  }

  /** What an earlier run has read, and may be called otherwise now. */
  async function resume(id: string, position: Position): Promise<void> {
    if (position.isCopy || !isNamedBy(position.path, patterns)) return positions.forget(id)
    const path = await findMoved(position.path, id)
    const file = path && (await openFile({ id, path, from: 'end' }, opening).catch(() => undefined))
    if (file) return moved.add(file)
    if (!(await readRest({ id, position }, deps)))
      log.warn('a followed file was removed while plexd did not run', { path: position.path })
    positions.forget(id)
  }

  function markCopy(id: string): void {
    const file = files.get(id)
    if (file) file.position = copyPosition
    positions.keep(id, copyPosition)
  }

  function tell(next: readonly SourceStatus[]): void {
    for (const { name, state, detail } of next) {
      const before = states.find((one) => one.name === name)
      if (state === 'failed' && before?.detail !== detail)
        log.warn('files (logs.files) are not followed', { pattern: name, error: detail })
    }
  }

  async function read(paths?: ReadonlySet<string>): Promise<string[]> {
    const waiting: string[] = []
    let queue = [...files.values()].filter(({ path }) => paths?.has(path) ?? true)
    for (let turn = 0; queue.length > 0 && turn < maxTurns; turn++) {
      const more: FollowedFile[] = []
      for (const file of queue) {
        const result = await tryRead(file)
        if (result === 'more') more.push(file)
        else if (result === 'waiting') waiting.push(file.path)
      }
      queue = more
    }
    await moved.read()
    await positions.settled()
    return [...waiting, ...queue.map(({ path }) => path)]
  }

  /** What cannot be read is opened again by the next look. */
  async function tryRead(file: FollowedFile): ReturnType<typeof readFile> {
    try {
      return await readFile(file, deps)
    } catch (error) {
      signal.throwIfAborted()
      log.warn('a file cannot be read', { path: file.path, error: describeError(error) })
      files.delete(file.id)
      await file.handle.close().catch(() => {})
      return 'idle'
    }
  }

  return {
    look,
    findingMs: () => findingMs,
    read,
    hasMoved: moved.hasAny,
    paths: () => [...files.values()].map(({ path }) => path),
    sources: () => states,
    async [Symbol.asyncDispose]() {
      for (const { handle } of files.values()) await handle.close()
      await moved[Symbol.asyncDispose]()
    },
  }
}

function stateOf(name: string, count: number, problems: readonly string[]): SourceStatus {
  const state = problems.length > 0 ? 'failed' : count === 0 ? 'waiting' : 'running'
  const followed = count === 1 ? '1 file' : `${count} files`
  const what = count > 0 ? [followed] : problems.length === 0 ? ['no such file yet'] : []
  return { name, state, detail: [...what, ...problems.slice(0, 3)].join('; ') }
}
