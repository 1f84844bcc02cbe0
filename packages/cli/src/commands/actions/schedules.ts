import type { Schedule } from '@plexd/protocol'
import type { Command } from 'commander'
import { type Admin, call, list, noun } from '../../command.ts'
import { allPages } from '../../context.ts'
import { durationFlag } from '../../terminal/input.ts'
import type { Io } from '../../terminal/io.ts'
import { ageOf, formatLabels, printItem, printList } from '../../terminal/output.ts'
import { addActionFlags, addManyFlags, type RunFlags, specOf } from './run-flags.ts'

const scheduleArgument = ['<schedule>', 'its name'] as const

/** Runs that start at the times of a cron expression. */
export const scheduleCommands = noun(
  {
    name: 'schedule',
    description: 'runs of actions at certain times',
    examples: ['plexctl action schedule list'],
  },
  call({
    name: 'create',
    description: 'start runs of an action at the times of a cron expression',
    args: [
      ['<name>', 'of the schedule'],
      ['<action>', 'one that `node show` lists'],
    ],
    flags: (command) =>
      addManyFlags(addActionFlags(addTimeFlags(command))).option(
        '--disabled',
        'start none until it is enabled',
      ),
    examples: [
      'plexctl action schedule create check health.check --cron @hourly --selector "*"',
      'plexctl action schedule create facts system.info --cron "30 3 * * mon-fri" --time-zone Europe/Berlin --selector env=prod --max-parallel 5',
    ],
    call: (admin: Admin, name: string, actionName: string, flags: CreateFlags) =>
      admin.createSchedule({
        body: {
          ...specOf(actionName, flags),
          name,
          cron: flags.cron,
          time_zone: flags.timeZone,
          start_within: flags.startWithin,
          enabled: !flags.disabled,
        },
      }),
    text: (created) => `created "${created.name}"; ${nextOf(created)}`,
  }),
  list({
    description: 'list schedules',
    examples: ['plexctl action schedule list'],
    items: (admin: Admin) => allPages((query) => admin.listSchedules({ query })),
    columns: [
      'name',
      'action',
      ['cron', ({ cron, time_zone }) => `${cron} ${time_zone}`],
      ['next', ({ next_run_at, enabled }) => (enabled ? (next_run_at ?? 'never') : 'disabled')],
      [
        'last',
        ({ last: [turn] }, io) => (turn ? `${turn.outcome} ${ageOf(turn.due_at, io)} ago` : '-'),
      ],
    ],
  }),
  call({
    name: 'show',
    description: 'show a schedule and the last times that it was due',
    args: [scheduleArgument],
    examples: ['plexctl action schedule show check'],
    call: (admin: Admin, name: string) => admin.getSchedule({ params: { schedule: name } }),
    print: printSchedule,
  }),
  call({
    name: 'enable',
    description: 'start runs again, from the next time to come',
    args: [scheduleArgument],
    examples: ['plexctl action schedule enable check'],
    call: (admin: Admin, schedule: string) =>
      admin.changeSchedule({ params: { schedule }, body: { enabled: true } }),
    text: (changed) => `enabled "${changed.name}"; ${nextOf(changed)}`,
  }),
  call({
    name: 'disable',
    description: 'start no further runs; one that goes on is not cancelled',
    args: [scheduleArgument],
    examples: ['plexctl action schedule disable check'],
    call: (admin: Admin, schedule: string) =>
      admin.changeSchedule({ params: { schedule }, body: { enabled: false } }),
    text: ({ name }) => `disabled "${name}"`,
  }),
  call({
    name: 'delete',
    description: 'delete a schedule; runs that it started go on',
    args: [scheduleArgument],
    examples: ['plexctl action schedule delete check --yes'],
    asks: (name) => `delete schedule "${name}"`,
    call: (admin: Admin, name: string) => admin.deleteSchedule({ params: { schedule: name } }),
    text: (_body, name) => `deleted "${name}"`,
  }),
)

interface CreateFlags extends RunFlags {
  cron: string
  timeZone?: string
  startWithin?: string
  disabled?: boolean
}

function addTimeFlags(command: Command): Command {
  return command
    .requiredOption(
      '--cron <expression>',
      'minute, hour, day of month, month, day of week; or @hourly, @daily, @weekly, @monthly, @yearly',
    )
    .option('--time-zone <name>', 'of the IANA database (default UTC)')
    .option(
      '--start-within <duration>',
      'how late a run may start after the control plane was down (default 10m)',
      durationFlag,
    )
}

function nextOf({ enabled, next_run_at }: Schedule): string {
  if (!enabled) return 'it is disabled'
  return next_run_at === null ? 'it is never due' : `it is due next at ${next_run_at}`
}

function printSchedule(io: Io, schedule: Schedule, json: boolean | undefined): void {
  printItem(io, schedule, { json, lines: describeSchedule })
  if (json || schedule.last.length === 0) return
  io.stdout.write('\n')
  printList(io, schedule.last, {
    json,
    columns: [
      ['due', ({ due_at }) => due_at],
      'outcome',
      ['missed before', ({ missed }) => (missed === 0 ? '-' : String(missed))],
      ['run', ({ run_id }) => run_id ?? '-'],
      'reason',
    ],
  })
}

function describeSchedule(schedule: Schedule): Record<string, string> {
  const { next_run_at } = schedule
  return {
    name: schedule.name,
    action: schedule.action,
    parameters: formatLabels(schedule.parameters ?? {}),
    selector: schedule.selector ?? '',
    nodes: (schedule.nodes ?? []).join(', '),
    cron: schedule.cron,
    'time zone': schedule.time_zone,
    next: schedule.enabled ? (next_run_at ?? 'never') : 'disabled',
    'start within': schedule.start_within,
    timeout: schedule.timeout ?? '',
    'max parallel': String(schedule.max_parallel ?? ''),
    'max failures': String(schedule.max_failures ?? ''),
    canary: schedule.canary ? String(schedule.canary) : '',
    expires: schedule.expires ?? '',
    'healthy within': schedule.healthy_within ?? '',
    'run expires': schedule.run_expires ?? '',
    'created by': schedule.created_by,
    created: schedule.created_at,
  }
}
