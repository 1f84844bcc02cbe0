import { Type } from 'typebox'
import { pageOf } from '../../admin/page.ts'
import { Warnings } from '../../admin/warnings.ts'
import { Schedule, ScheduleSpec } from '../../executions/schedule.ts'
import { operation } from '../../operations/operation.ts'
import { Paging, read, remove, write } from './row.ts'

/** When runs are started by themselves. */
export const schedules = {
  createSchedule: operation({
    ...write('POST', 'schedules'),
    path: '/admin/v1/schedules',
    summary: 'Start runs at the times of a cron expression',
    request: ScheduleSpec,
    response: Type.Interface([Schedule, Warnings], {}),
    status: 201,
    errors: [400, 404, 409],
  }),
  listSchedules: operation({
    ...read('schedules'),
    path: '/admin/v1/schedules',
    summary: 'List schedules by name',
    query: Paging,
    response: pageOf(Schedule),
    errors: [400],
  }),
  getSchedule: operation({
    ...read('schedules'),
    path: '/admin/v1/schedules/{schedule}',
    summary: 'Read one schedule, by its name',
    response: Schedule,
    errors: [404],
  }),
  changeSchedule: operation({
    ...write('PATCH', 'schedules'),
    path: '/admin/v1/schedules/{schedule}',
    summary: 'Enable or disable a schedule; enabled again, it starts with the next time to come',
    request: Type.Object({ enabled: Type.Boolean() }),
    response: Schedule,
    errors: [404],
  }),
  deleteSchedule: operation({
    ...remove('schedules'),
    path: '/admin/v1/schedules/{schedule}',
    summary: 'Delete a schedule; runs that it started go on',
    errors: [404],
  }),
} as const
