import { alerts } from './admin/alerts.ts'
import { artifacts } from './admin/artifacts.ts'
import { entries } from './admin/entries.ts'
import { events } from './admin/events.ts'
import { executions } from './admin/executions.ts'
import { authorities } from './admin/installation/authorities.ts'
import { controlPlanes } from './admin/installation/control-planes.ts'
import { forwards } from './admin/installation/forwards.ts'
import { move } from './admin/installation/move.ts'
import { settings } from './admin/installation/settings.ts'
import { keys } from './admin/keys.ts'
import { labels } from './admin/labels.ts'
import { meshRanges } from './admin/mesh-ranges.ts'
import { nodes } from './admin/nodes.ts'
import { operators } from './admin/operators.ts'
import { policies } from './admin/policies.ts'
import { reports } from './admin/reports.ts'
import { runs } from './admin/runs.ts'
import { schedules } from './admin/schedules.ts'
import { sessions } from './admin/sessions.ts'
import { telemetry } from './admin/telemetry.ts'
import { tokens } from './admin/tokens.ts'

/** From operators to the control plane. A node in a path is its id or its hostname; a hostname never looks like an id. */
export const adminApi = {
  ...operators,
  ...tokens,
  ...nodes,
  ...labels,
  ...meshRanges,
  ...entries,
  ...reports,
  ...policies,
  ...executions,
  ...runs,
  ...schedules,
  ...sessions,
  ...settings,
  ...controlPlanes,
  ...keys,
  ...authorities,
  ...move,
  ...events,
  ...telemetry,
  ...alerts,
  ...forwards,
  ...artifacts,
} as const

export type AdminApi = typeof adminApi
