import { readFileSync } from 'node:fs'
import { readlink } from 'node:fs/promises'
import { errorCodeOf } from '@plexd/runtime'

/** A process. Its id is reused some day, but not with the same start time. */
export interface ProcessIdentity {
  pid: number
  /** In clock ticks since boot (proc(5)). */
  startTicks: string
  /** Of its program, for display only. */
  name: string
}

/** Undefined if there is none, or none visible from here; rejects if that cannot be told. */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  const stat = parseStat(readVisible(pid, 'stat'))
  return stat && { pid, startTicks: stat.startTicks, name: stat.name }
}

/** Of proc(5): `T` if stopped, `Z` for a zombie; undefined if it is gone. Rejects if it cannot be seen. */
export async function stateOf({ pid, startTicks }: ProcessIdentity): Promise<string | undefined> {
  const stat = readStat(pid)
  return stat?.startTicks === startTicks ? stat.state : undefined
}

/** Whether it is in the network namespace of this process: elsewhere the same name means another interface. */
export async function isInOurNetwork(pid: number): Promise<boolean> {
  const [its, ours] = await Promise.all([networkOf(pid), networkOf('self')])
  return its !== undefined && its === ours
}

function networkOf(pid: number | 'self'): Promise<string | undefined> {
  return readlink(`/proc/${pid}/ns/net`).catch(() => undefined)
}

/**
 * `kill -9`, if it is still the same process and in our network namespace. Resolves when it has ended; rejects if it does
 * not within five seconds.
 */
export async function endProcess(
  process_: ProcessIdentity,
  { sleep }: { sleep(ms: number): Promise<void> },
): Promise<void> {
  const { pid, name } = process_
  if (hasEnded(process_) || !(await isInOurNetwork(pid))) return
  process.kill(pid, 'SIGKILL')
  if (!(await untilEnded(process_, { sleep, patienceMs: 5_000 })))
    throw new Error(`end process ${pid} (${name}): it does not end, not even by SIGKILL`)
}

/** Whether it ended in time. */
export async function untilEnded(
  process_: ProcessIdentity,
  { sleep, patienceMs }: { sleep(ms: number): Promise<void>; patienceMs: number },
): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += askEachMs) {
    if (hasEnded(process_)) return true
    await sleep(askEachMs)
  }
  return hasEnded(process_)
}

const askEachMs = 10

/** False also for one that cannot be seen. */
export function hasEndedNow(process_: ProcessIdentity): boolean {
  try {
    return hasEnded(process_)
  } catch {
    return false
  }
}

/** Throws if it cannot be seen. */
function hasEnded({ pid, startTicks }: ProcessIdentity): boolean {
  const stat = readStat(pid)
  if (stat?.startTicks !== startTicks) return true
  // The first thread may have ended before the others, which still hold its sockets and locks.
  return (stat.state === 'Z' || stat.state === 'X') && stat.threads <= 1
}

interface Stat {
  name: string
  state: string
  threads: number
  startTicks: string
}

function readStat(pid: number): Stat | undefined {
  return parseStat(readOf(pid, 'stat'))
}

/** The text of a process's file in /proc; empty if it has ended, otherwise what `instead` makes of the error. */
function readOf(pid: number, name: string, instead = insteadFor(endedCodes, '')): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch (error) {
    return instead(error)
  }
}

/** The same, empty also if another user's process is hidden from us. */
export function readVisible(pid: number, name: string): string {
  return readOf(pid, name, ifUnseen(''))
}

/** Turns the error of reading a process that has ended, or is hidden from us, into `nothing`; throws any other. */
export function ifUnseen<T>(nothing: T): (error: unknown) => T {
  return insteadFor([...endedCodes, 'EACCES', 'EPERM'], nothing)
}

/** By these codes alone the kernel says that a process has ended. */
const endedCodes = ['ENOENT', 'ESRCH']

function insteadFor<T>(codes: readonly string[], nothing: T): (error: unknown) => T {
  return (error) => {
    if (codes.includes(errorCodeOf(error) ?? '')) return nothing
    throw error
  }
}

/** Parses /proc/PID/stat. The name is in parentheses, and may contain some itself. Pure. */
export function parseStat(text: string): Stat | undefined {
  const [, name, rest] = /^\d+ \((.*)\) (.*)$/s.exec(text.trimEnd()) ?? []
  const fields = rest?.split(' ') ?? []
  const [state] = fields
  const [threads, , startTicks] = fields.slice(17)
  if (name === undefined || state === undefined || startTicks === undefined) return undefined
  return { name, state, threads: Number(threads), startTicks }
}
