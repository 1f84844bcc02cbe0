import { localApiBench } from './agent/local-api.ts'
import type { Bench } from './bench.ts'
import { abuse } from './scenarios/abuse.ts'
import { capacity } from './scenarios/capacity.ts'
import { churn } from './scenarios/churn.ts'
import { fanOut } from './scenarios/fan-out.ts'
import { hostileBodiesBench } from './scenarios/hostile-bodies.ts'
import { idle } from './scenarios/idle.ts'
import { ingest } from './scenarios/ingest.ts'
import { joinBench } from './scenarios/join.ts'
import { liveness } from './scenarios/liveness.ts'
import { locality } from './scenarios/locality.ts'
import { oneChange } from './scenarios/one-change.ts'
import { policyChange } from './scenarios/policy-change.ts'
import { registration } from './scenarios/registration.ts'
import { secrets } from './scenarios/secrets.ts'
import { slowReaders } from './scenarios/slow-readers.ts'
import { storm } from './scenarios/storm.ts'

/** All that can be measured, in the order of the targets. */
export const benches: readonly Bench[] = [
  joinBench,
  capacity,
  idle,
  oneChange,
  policyChange,
  locality,
  registration,
  storm,
  fanOut,
  slowReaders,
  liveness,
  churn,
  ingest,
  secrets,
  abuse,
  hostileBodiesBench,
  localApiBench,
  {
    name: 'device',
    targets: ['A6', 'A7', 'A8'],
    summary: '1,000 peers into WireGuard, a restart without a change, one peer changed',
    script: 'device.ts',
  },
  {
    name: 'footprint',
    targets: ['A4', 'A5', 'A6'],
    summary: 'memory, idle CPU and start of a real plexd with 1,000 peers',
    script: 'footprint.ts',
  },
  {
    name: 'firewall',
    targets: ['A8', 'A12'],
    summary: '1,000 rules into the firewall, and back after somebody else took them out',
    script: 'firewall.ts',
  },
]
