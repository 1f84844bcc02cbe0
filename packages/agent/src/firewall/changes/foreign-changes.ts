import { type Clock, type Log, printable } from '@plexd/runtime'
import type { Problems } from '../../health/problems.ts'
import { createRepeats } from '../../health/repeats.ts'
import type { Author } from './netlink-message.ts'

/** Counts and reports changes by other programs to our table, which nobody would notice otherwise, because they are repaired. */
export interface ForeignChanges {
  /** Undefined: by an unknown program. */
  add(author: Author | undefined): void
  /** Call this regularly, so that past interference is no longer reported. */
  check(): void
  /** Too frequent to report each. */
  isFight(): boolean
}

export interface ForeignChangesOptions {
  /** Whether nothing passes while the table is missing. */
  isShut(): boolean
  problems: Problems
  clock: Clock
  log: Log
}

/** One change is an operator; two within a minute are a program that will do it again. */
const manyTimes = 2
const fightTimes = 5

export function createForeignChanges(options: ForeignChangesOptions): ForeignChanges {
  const { isShut, problems, clock, log } = options
  let last: Author | undefined
  const changes = createRepeats<Author | undefined>({
    part: 'firewall changes',
    manyTimes,
    describe: (times, author) => describeFight(times, author, isShut()),
    problems,
    clock,
  })

  return {
    add(author) {
      last = author ?? last
      changes.add(last)
      if (changes.times() === 1)
        log.warn(
          'another program changed our table',
          author ? { program: author.name, pid: author.processId } : {},
        )
    },
    check: changes.check,
    isFight: () => changes.times() > fightTimes,
  }
}

/** Pure. */
function describeFight(times: number, author: Author | undefined, isShut: boolean): string {
  const by = author
    ? `last by process "${printable(author.name)}" (${author.processId})`
    : 'and the kernel does not say which'
  const meanwhile = isShut ? 'nothing passes the mesh' : 'the mesh is open'
  return `another program changed or deleted table "inet plexd" ${times} times in the last minute, ${by}: it is put back each time, and until it is ${meanwhile}: have that program leave the tables of others alone, instead of "nft flush ruleset"; "nft monitor" shows who it is`
}
