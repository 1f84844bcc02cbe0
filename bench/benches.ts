import type { Bench } from './bench.ts'
import { idle } from './scenarios/idle.ts'
import { joinBench } from './scenarios/join.ts'
import { oneChange } from './scenarios/one-change.ts'
import { storm } from './scenarios/storm.ts'

/** All that can be measured, in the order of the targets. */
export const benches: readonly Bench[] = [
  joinBench,
  idle,
  oneChange,
  storm,
  {
    name: 'device',
    targets: ['A6', 'A7', 'A8'],
    summary: '1,000 peers into WireGuard, a restart without a change, one peer changed',
    script: 'device.ts',
  },
  {
    name: 'firewall',
    targets: ['A8', 'A12'],
    summary: '1,000 rules into the firewall, and back after somebody else took them out',
    script: 'firewall.ts',
  },
]
