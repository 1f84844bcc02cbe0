import * as meshRanges from './0011-mesh-ranges.ts'
import * as loggedChanges from './0012-logged-changes.ts'
import * as artifactSignature from './0013-artifact-signature.ts'
import * as executionQueue from './0014-execution-queue.ts'
import * as runs from './0015-runs.ts'
import * as binaries from './0016-binaries.ts'
import * as endedExecutions from './0017-ended-executions.ts'
import * as historyByStatus from './0018-history-by-status.ts'
import * as sessions from './0019-sessions.ts'
import * as alerts from './0020-alerts.ts'

/** In order. */
export const migrations = [
  meshRanges,
  loggedChanges,
  artifactSignature,
  executionQueue,
  runs,
  binaries,
  endedExecutions,
  historyByStatus,
  sessions,
  alerts,
]
