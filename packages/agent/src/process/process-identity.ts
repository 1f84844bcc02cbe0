import { readFileSync } from 'node:fs'
import { readFile, readlink } from 'node:fs/promises'
import { errorCodeOf } from '@plexd/runtime'

/** A process, as no other is: its number is given to another one day, but not with the same start. */
export interface ProcessIdentity {
  pid: number
  /** In ticks since the machine started (proc(5)). */
  startTicks: string
  /** Of its program, to be shown; nothing is decided by it. */
  name: string
}

/** `T` when it is stopped, `Z` when it has ended and nobody has asked how; undefined when it is gone. */
export type ProcessState = string | undefined

/** Undefined when there is none, or none that can be seen from here; rejects when nobody can tell. */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  const stat = await readStat(pid).catch(ifUnseen(undefined))
  return stat && { pid, startTicks: stat.startTicks, name: stat.name }
}

/** Rejects when it cannot be seen. */
export async function stateOf({ pid, startTicks }: ProcessIdentity): Promise<ProcessState> {
  const stat = await readStat(pid)
  return stat?.startTicks === startTicks ? stat.state : undefined
}

/** Whether it lives in the network of this process: what has the same name elsewhere is another thing. */
export async function isInOurNetwork(pid: number): Promise<boolean> {
  const [its, ours] = await Promise.all([networkOf(pid), networkOf('self')])
  return its !== undefined && its === ours
}

function networkOf(pid: number | 'self'): Promise<string | undefined> {
  return readlink(`/proc/${pid}/ns/net`).catch(() => undefined)
}

/**
 * `kill -9`, if it is still the process that it was, in the network where it was. Resolves when it has ended; throws
 * when it does not within `patienceMs`.
 */
export async function endProcess(
  process_: ProcessIdentity,
  { sleep, patienceMs = 5_000 }: { sleep(ms: number): Promise<void>; patienceMs?: number },
): Promise<void> {
  const { pid, name } = process_
  if ((await hasEnded(process_)) || !(await isInOurNetwork(pid))) return
  process.kill(pid, 'SIGKILL')
  if (!(await untilEnded(process_, { sleep, patienceMs })))
    throw new Error(`end process ${pid} (${name}): it does not end, not even by SIGKILL`)
}

/** Whether it ended in time. */
export async function untilEnded(
  process_: ProcessIdentity,
  { sleep, patienceMs }: { sleep(ms: number): Promise<void>; patienceMs: number },
): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += askEachMs) {
    if (await hasEnded(process_)) return true
    await sleep(askEachMs)
  }
  return hasEnded(process_)
}

const askEachMs = 10

async function hasEnded(process_: ProcessIdentity): Promise<boolean> {
  return isOver(await readStat(process_.pid), process_)
}

/** The same in place, for who looks many times a second. One that cannot be seen has not ended, as far as anybody knows. */
export function hasEndedNow(process_: ProcessIdentity): boolean {
  try {
    return isOver(parseStat(readNow(`/proc/${process_.pid}/stat`)), process_)
  } catch {
    return false
  }
}

function isOver(stat: Stat | undefined, { startTicks }: ProcessIdentity): boolean {
  if (stat?.startTicks !== startTicks) return true
  // Its first thread may have ended before the others, which still hold what it held.
  return (stat.state === 'Z' || stat.state === 'X') && stat.threads <= 1
}

interface Stat {
  name: string
  state: string
  threads: number
  startTicks: string
}

async function readStat(pid: number): Promise<Stat | undefined> {
  return parseStat(await readFile(`/proc/${pid}/stat`, 'utf8').catch(ifEnded('')))
}

/** A file of a process in /proc, read in place; empty when that has ended. Throws when nobody can tell. */
export function readNow(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    return ifEnded('')(error)
  }
}

/** Only by these does the kernel say so: who has no more descriptors, or no right to look, knows nothing. */
const endedCodes = ['ENOENT', 'ESRCH']

function ifEnded<T>(nothing: T): (error: unknown) => T {
  return nothingFor(endedCodes, nothing)
}

/** For what was to be read of a process: nothing, where it has ended, or is somebody else's who keeps it from us. */
export function ifUnseen<T>(nothing: T): (error: unknown) => T {
  return nothingFor([...endedCodes, 'EACCES', 'EPERM'], nothing)
}

function nothingFor<T>(codes: readonly string[], nothing: T): (error: unknown) => T {
  return (error) => {
    if (codes.includes(errorCodeOf(error) ?? '')) return nothing
    throw error
  }
}

/** Reads /proc/PID/stat. The name stands in parentheses, and may hold some itself. Pure. */
export function parseStat(text: string): Stat | undefined {
  const [, name, rest] = /^\d+ \((.*)\) (.*)$/s.exec(text.trimEnd()) ?? []
  const fields = rest?.split(' ') ?? []
  const [state] = fields
  const [threads, , startTicks] = fields.slice(17)
  if (name === undefined || state === undefined || startTicks === undefined) return undefined
  return { name, state, threads: Number(threads), startTicks }
}
