import { type Static, Type } from 'typebox'
import { GivenName, Timestamp } from '../schemas/scalars.ts'
import { RunSpec } from './run.ts'

/** What became of a time at which a schedule was due. */
export const ScheduleOutcome = Type.Enum(['started', 'skipped', 'missed', 'refused'])
export type ScheduleOutcome = Static<typeof ScheduleOutcome>

/** A time at which a schedule was due. */
export const ScheduleTurn = Type.Object({
  due_at: Timestamp,
  outcome: ScheduleOutcome,
  reason: Type.String({
    description: 'Why no run was started, or how late it was; empty if there is nothing to say',
  }),
  missed: Type.Integer({
    minimum: 0,
    description:
      'Earlier times that passed while the control plane was down, and are made up for by none',
  }),
  run_id: Type.Union([Type.String(), Type.Null()]),
  at: Timestamp,
})
export type ScheduleTurn = Static<typeof ScheduleTurn>

/** When runs are to be started. */
export const ScheduleSpec = Type.Interface([RunSpec], {
  name: GivenName,
  cron: Type.String({
    minLength: 1,
    maxLength: 256,
    description:
      'Minute, hour, day of month, month and day of week, or one of @hourly, @daily, @weekly, @monthly, @yearly',
    examples: ['30 3 * * mon-fri'],
  }),
  time_zone: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 64,
      description: 'An IANA name; "UTC" when absent',
      examples: ['Europe/Berlin'],
    }),
  ),
  start_within: Type.Optional(
    Type.String({
      description:
        'Go duration: how late a run may still start when the control plane was down at its time; "10m" when absent',
    }),
  ),
  enabled: Type.Optional(Type.Boolean({ description: 'true when absent' })),
})
export type ScheduleSpec = Static<typeof ScheduleSpec>

export const Schedule = Type.Interface([RunSpec], {
  id: Type.String({ examples: ['sch_a1b2c3d4'] }),
  name: Type.String(),
  cron: Type.String(),
  time_zone: Type.String(),
  start_within: Type.String(),
  enabled: Type.Boolean(),
  next_run_at: Type.Union([Timestamp, Type.Null()], {
    description: 'null for a schedule that is disabled',
  }),
  last: Type.Array(ScheduleTurn, {
    description: 'The last ten times that it was due, newest first',
  }),
  created_by: Type.String({ description: 'The operator, by the name of the token' }),
  created_at: Timestamp,
})
export type Schedule = Static<typeof Schedule>
