import type { Clock } from '@plexd/runtime'
import { killIn, pidsIn, sendSignal } from './group.ts'
import { membersOf, readTree } from './process-tree.ts'

/** What holds the processes of a program together. */
export interface FencedProgram {
  /** Those of the program that run now, without what started it in a namespace. */
  pids(): Promise<number[]>
  /** Sends SIGKILL to all; some may remain for a moment. */
  kill(): Promise<void>
}

/** `group` is its control group; without one, `pid` leads its session, and its PID namespace if it has one. */
export function fenceOf(pid: number, group: string | undefined): FencedProgram {
  if (group !== undefined) return { pids: () => pidsIn(group), kill: () => killIn(group) }
  const pids = async (): Promise<number[]> => membersOf(pid, await readTree())
  return {
    pids,
    async kill() {
      // With the first of them ends the namespace, and with that the rest.
      for (const each of [pid, ...(await pids())]) sendSignal(each, 'SIGKILL')
    },
  }
}

const lookEachMs = 10

/** Whether all of them ended by themselves within `ms`. */
export async function untilEmpty(
  fence: FencedProgram,
  ms: number,
  clock: Pick<Clock, 'sleep'>,
): Promise<boolean> {
  for (let waitedMs = 0; ; waitedMs += lookEachMs) {
    const isEmpty = (await fence.pids()).length === 0
    if (isEmpty || waitedMs >= ms) return isEmpty
    await clock.sleep(lookEachMs)
  }
}

const patienceMs = 3_000

/** Kills until none is left; returns those that do not end, because the kernel waits for a device. */
export async function endAll(fence: FencedProgram, clock: Pick<Clock, 'sleep'>): Promise<number[]> {
  for (let waitedMs = 0; ; waitedMs += lookEachMs) {
    const pids = await fence.pids()
    if (pids.length === 0 || waitedMs >= patienceMs) return pids
    await fence.kill()
    await clock.sleep(lookEachMs)
  }
}
