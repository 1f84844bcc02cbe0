import { type Clock, type Log, printable } from '@plexd/runtime'
import type { Problems } from '../health/problems.ts'
import type { Author } from './netlink-message.ts'

/** What other programs do to our table, counted and told: it is put right each time, so that nobody would notice. */
export interface ForeignChanges {
  /** Undefined: nobody knows who. */
  add(author: Author | undefined): void
  /** To be called now and then, so that what is over is not told any more. */
  check(): void
  /** Too often to report each. */
  isFight(): boolean
}

export interface ForeignChangesOptions {
  /** Whether nothing passes while the table is not there. */
  isShut(): boolean
  problems: Problems
  clock: Clock
  log: Log
}

/** Once is what an operator does; twice in this time is a program that will do it again. */
const windowMs = 60_000
const fightTimes = 5

export function createForeignChanges(options: ForeignChangesOptions): ForeignChanges {
  const { isShut, problems, clock, log } = options
  let times: number[] = []
  let last: Author | undefined

  function check(): void {
    times = times.filter((ms) => ms > clock.monotonic() - windowMs)
    if (times.length < 2) problems.clear('firewall changes')
    else problems.set('firewall changes', describeFight(times.length, last, isShut()))
  }

  return {
    add(author) {
      times.push(clock.monotonic())
      last = author ?? last
      if (times.length === 1)
        log.warn('another program changed our table', author ? { ...nameOf(author) } : {})
      check()
    },
    check,
    isFight: () => times.length > fightTimes,
  }
}

function nameOf({ name, processId }: Author): { program: string; pid: number } {
  return { program: name, pid: processId }
}

/** Pure. */
export function describeFight(times: number, author: Author | undefined, isShut: boolean): string {
  const by = author
    ? `last by process "${printable(author.name)}" (${author.processId})`
    : 'and the kernel does not say which'
  const meanwhile = isShut ? 'nothing passes the mesh' : 'the mesh is open'
  return `another program changed or deleted table "inet plexd" ${times} times in the last minute, ${by}: it is put back each time, and until it is ${meanwhile}: have that program leave the tables of others alone, instead of "nft flush ruleset"; "nft monitor" shows who it is`
}
