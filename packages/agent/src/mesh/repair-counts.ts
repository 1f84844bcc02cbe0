import type { Clock } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import type { Problems } from '../health/problems.ts'
import { createRepeats, type Repeats } from '../health/repeats.ts'

/** Parts of the mesh that something else keeps removing or changing, such as a kernel short of memory. */
export interface RepairCounts extends Disposable {
  ofInterface: Repeats
  ofBackstop: Repeats<void>
}

const checkMs = 10_000
/** Fewer per minute are normal, from an operator or a change of network. */
const manyTimes = 5
const who =
  '"dmesg" shows whether the kernel ends it for want of memory; else look which program does'

export function startRepairCounts(options: {
  config: AgentConfig
  problems: Problems
  clock: Clock
}): RepairCounts {
  const { config, problems, clock } = options
  const ofInterface = createRepeats({
    part: 'interface repairs',
    manyTimes,
    describe: (times, last) =>
      `interface "${config.meshInterface}" was put right ${times} times in the last minute, last because ${last}; packets are lost each time: ${who}`,
    problems,
    clock,
  })
  const ofBackstop = createRepeats<void>({
    part: 'backstop repairs',
    manyTimes,
    describe: (times) =>
      `the process that stands behind the packet filter ended ${times} times in the last minute, and is started again each time: ${who}`,
    problems,
    clock,
  })
  const checking = clock.every(checkMs, () => {
    ofInterface.check()
    ofBackstop.check()
  })
  return { ofInterface, ofBackstop, [Symbol.dispose]: () => checking[Symbol.dispose]() }
}
