import type { AdminApi } from '@plexd/protocol'
import type { Handlers } from '../handle.ts'
import * as alerts from './alerts/alerts.ts'
import * as alertRules from './alerts/rules.ts'
import * as alertSilences from './alerts/silences.ts'
import * as alertWebhooks from './alerts/webhooks.ts'
import * as artifacts from './artifacts/artifacts.ts'
import * as trustedBuilds from './artifacts/trusted-builds.ts'
import * as authorities from './authorities/authorities.ts'
import * as controlPlanes from './control-planes/control-planes.ts'
import * as entries from './entries/entries.ts'
import * as getData from './entries/get-data.ts'
import * as events from './events/tail-events.ts'
import * as cancel from './executions/cancel.ts'
import * as executions from './executions/executions.ts'
import * as runAction from './executions/run-action.ts'
import * as forwards from './forwards/forwards.ts'
import * as nodeMetrics from './forwards/node-metrics.ts'
import * as prometheusTargets from './forwards/prometheus-targets.ts'
import * as keys from './keys/keys.ts'
import * as meshRanges from './mesh-ranges/mesh-ranges.ts'
import * as move from './move/move.ts'
import * as labels from './nodes/labels.ts'
import * as nodes from './nodes/nodes.ts'
import * as versions from './nodes/versions.ts'
import * as operators from './operators/admin-tokens.ts'
import * as policies from './policies/policies.ts'
import * as putPolicy from './policies/put-policy.ts'
import * as reports from './reports/reports.ts'
import * as controlRun from './runs/control-run.ts'
import * as createRun from './runs/create-run.ts'
import * as createUpgrade from './runs/create-upgrade.ts'
import * as retryRun from './runs/retry-run.ts'
import * as runs from './runs/runs.ts'
import * as schedules from './schedules/schedules.ts'
import * as connectSession from './sessions/connect-session.ts'
import * as getRecording from './sessions/get-recording.ts'
import * as openSession from './sessions/open-session.ts'
import * as sessions from './sessions/sessions.ts'
import * as settings from './settings/settings.ts'
import * as followRecords from './telemetry/follow-records.ts'
import * as telemetry from './telemetry/list-telemetry.ts'
import * as violations from './telemetry/list-violations.ts'
import { listProgramMetrics } from './telemetry/program-metrics.ts'
import * as queryMetrics from './telemetry/query-metrics.ts'
import * as searchRecords from './telemetry/search-records.ts'
import * as topNodes from './telemetry/top-nodes.ts'
import * as topPeers from './telemetry/top-peers.ts'
import * as tokens from './tokens/tokens.ts'

/** The handler of each row of the admin API: each file exports those of its noun, by the names of their rows. */
export const adminHandlers: Handlers<AdminApi> = {
  ...alerts,
  ...alertRules,
  ...alertSilences,
  ...alertWebhooks,
  ...artifacts,
  ...trustedBuilds,
  ...entries,
  ...getData,
  ...events,
  ...cancel,
  ...executions,
  ...runAction,
  ...keys,
  ...authorities,
  ...move,
  ...meshRanges,
  ...labels,
  ...nodes,
  ...versions,
  ...operators,
  ...policies,
  ...putPolicy,
  ...reports,
  ...runs,
  ...createRun,
  ...createUpgrade,
  ...controlRun,
  ...retryRun,
  ...schedules,
  ...connectSession,
  ...openSession,
  ...sessions,
  ...settings,
  ...controlPlanes,
  ...getRecording,
  ...telemetry,
  ...violations,
  ...searchRecords,
  ...followRecords,
  ...topNodes,
  ...topPeers,
  listProgramMetrics,
  ...queryMetrics,
  ...forwards,
  ...nodeMetrics,
  ...prometheusTargets,
  ...tokens,
}
