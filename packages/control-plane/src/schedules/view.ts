import type { Schedule, ScheduleTurn } from '@plexd/protocol'
import { isoTime } from '@plexd/runtime'
import type { StoredSchedule, StoredTurn } from '../rows/executions/schedules.ts'

/** A schedule with its last turns, newest first, as an operator sees it. */
export function scheduleView(schedule: StoredSchedule, last: readonly StoredTurn[]): Schedule {
  const { next_due_at } = schedule
  return {
    id: schedule.id,
    name: schedule.name,
    cron: schedule.cron,
    time_zone: schedule.time_zone,
    start_within: schedule.start_within,
    enabled: schedule.enabled,
    next_run_at: isoTime(next_due_at),
    ...schedule.spec,
    last: last.map(turnView),
    created_by: schedule.created_by,
    created_at: new Date(schedule.created_at).toISOString(),
  }
}

function turnView({ due_at, outcome, reason, missed, run_id, at }: StoredTurn): ScheduleTurn {
  return {
    due_at: new Date(due_at).toISOString(),
    outcome,
    reason,
    missed,
    run_id,
    at: new Date(at).toISOString(),
  }
}
