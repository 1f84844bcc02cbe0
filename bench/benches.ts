import { device } from './agent/device.ts'
import { firewall } from './agent/firewall.ts'
import { footprint } from './agent/footprint.ts'
import { localApiBench } from './agent/local-api.ts'
import { logReading } from './agent/log-reading.ts'
import { meshJournal } from './agent/mesh-journal.ts'
import { queueBench } from './agent/queue.ts'
import { sessionCopy } from './agent/session-copy.ts'
import { telemetryAway } from './agent/telemetry-away.ts'
import { backup } from './backup/backup.ts'
import type { Bench } from './bench.ts'
import { databases } from './databases/databases.ts'
import { replicas } from './databases/replicas.ts'
import { singleFile } from './programs/single-file.ts'
import { chaos } from './replicas/chaos.ts'
import { rollingUpgrade } from './replicas/rolling-upgrade.ts'
import { abuse } from './scenarios/abuse.ts'
import { capacity } from './scenarios/capacity.ts'
import { churn } from './scenarios/churn.ts'
import { emptyPlane } from './scenarios/empty-plane.ts'
import { fanOut } from './scenarios/fan-out.ts'
import { fullMesh } from './scenarios/full-mesh.ts'
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
import { sessionRelay } from './scenarios/session-relay.ts'
import { slowReaders } from './scenarios/slow-readers.ts'
import { storm } from './scenarios/storm.ts'
import { telemetrySearch } from './telemetry/telemetry-search.ts'

/** All that can be measured, in the order of the targets. */
export const benches: readonly Bench[] = [
  joinBench,
  capacity,
  emptyPlane,
  singleFile,
  idle,
  fullMesh,
  oneChange,
  policyChange,
  locality,
  registration,
  databases,
  replicas,
  chaos,
  rollingUpgrade,
  storm,
  fanOut,
  slowReaders,
  liveness,
  churn,
  backup,
  ingest,
  telemetrySearch,
  secrets,
  abuse,
  hostileBodiesBench,
  sessionRelay,
  localApiBench,
  footprint,
  device,
  meshJournal,
  queueBench,
  logReading,
  sessionCopy,
  telemetryAway,
  firewall,
]
