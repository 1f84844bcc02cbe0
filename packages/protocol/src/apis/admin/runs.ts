import { Type } from 'typebox'
import { pageOf } from '../../admin/page.ts'
import {
  Run,
  RunNode,
  RunNodeStatus,
  RunSpec,
  RunState,
  UpgradeSpec,
} from '../../executions/run.ts'
import { operation } from '../../operations/operation.ts'
import { Paging, read, write } from './row.ts'

/** Actions on many nodes, upgrades among them. */
export const runs = {
  createRun: operation({
    ...write('POST', 'runs'),
    path: '/admin/v1/runs',
    summary: 'Run an action on many nodes, which are fixed from then on',
    request: RunSpec,
    response: Run,
    status: 201,
    errors: [400, 404, 409],
  }),
  createUpgrade: operation({
    ...write('POST', 'runs'),
    path: '/admin/v1/upgrades',
    summary: 'Run another version of plexd on many nodes: a run of `service.upgrade`',
    request: UpgradeSpec,
    response: Run,
    status: 201,
    errors: [400, 404, 409],
  }),
  listRuns: operation({
    ...read('runs'),
    path: '/admin/v1/runs',
    summary: 'List runs, newest first',
    query: Type.Interface([Paging], { state: Type.Optional(RunState) }),
    response: pageOf(Run),
    errors: [400],
  }),
  getRun: operation({
    ...read('runs'),
    path: '/admin/v1/runs/{run_id}',
    summary: 'Read one run',
    response: Run,
    errors: [404],
  }),
  listRunNodes: operation({
    ...read('runs'),
    path: '/admin/v1/runs/{run_id}/nodes',
    summary: 'List the nodes of a run, in the order in which they begin',
    query: Type.Interface([Paging], { status: Type.Optional(RunNodeStatus) }),
    response: pageOf(RunNode),
    errors: [400, 404],
  }),
  pauseRun: operation({
    ...write('POST', 'runs'),
    path: '/admin/v1/runs/{run_id}/pause',
    summary: 'Let no further node of a run begin; those that run it go on',
    response: Run,
    errors: [404, 409],
  }),
  resumeRun: operation({
    ...write('POST', 'runs'),
    path: '/admin/v1/runs/{run_id}/resume',
    summary: 'Go on with a paused run',
    response: Run,
    errors: [404, 409],
  }),
  cancelRun: operation({
    ...write('POST', 'runs'),
    path: '/admin/v1/runs/{run_id}/cancel',
    summary: 'Let no further node of a run begin, and cancel it on those that run it',
    response: Run,
    errors: [404, 409],
  }),
  retryRun: operation({
    ...write('POST', 'runs'),
    path: '/admin/v1/runs/{run_id}/retry',
    summary: 'Run the same again on the nodes of an ended run that failed',
    request: Type.Object({
      unfinished: Type.Optional(
        Type.Boolean({
          description: 'Also on those that were cancelled, or that the run did not come to',
        }),
      ),
    }),
    response: Run,
    status: 201,
    errors: [400, 404, 409],
  }),
} as const
