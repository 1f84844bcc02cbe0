import { Type } from 'typebox'
import { pageOf } from '../../admin/page.ts'
import { Warnings } from '../../admin/warnings.ts'
import { Execution, ExecutionStatus } from '../../executions/execution.ts'
import { operation } from '../../operations/operation.ts'
import { mapOf } from '../../schemas/scalars.ts'
import { Paging, read, write } from './row.ts'

/** Actions on one node. */
export const executions = {
  runAction: operation({
    ...write('POST', 'executions'),
    path: '/admin/v1/nodes/{node}/executions',
    summary: 'Run an action on a node',
    request: Type.Object({
      action: Type.String({ minLength: 1, maxLength: 256 }),
      parameters: Type.Optional(mapOf(Type.String())),
      timeout: Type.Optional(
        Type.String({
          description:
            'Go duration; when absent, what the node declares of the action, or else "30s"',
        }),
      ),
      expires: Type.Optional(
        Type.String({
          description:
            'Go duration, "168h" at most: how long it may wait until the node accepts it. When absent, the timeout and 30 s once it is sent, and `queued_execution_ms` until then',
        }),
      ),
    }),
    response: Type.Interface([Execution, Warnings], {}),
    status: 201,
    errors: [400, 404, 409, 429],
  }),
  listExecutions: operation({
    ...read('executions'),
    path: '/admin/v1/nodes/{node}/executions',
    summary: 'List the executions of a node, newest first',
    query: Type.Interface([Paging], { status: Type.Optional(ExecutionStatus) }),
    response: pageOf(Execution),
    errors: [404],
  }),
  getExecution: operation({
    ...read('executions'),
    path: '/admin/v1/executions/{execution_id}',
    summary: 'Read an execution; ?wait blocks until it has finished',
    query: Type.Object({
      wait: Type.Optional(Type.String({ description: 'Go duration, "60s" at most' })),
    }),
    response: Execution,
    errors: [400, 404],
  }),
  cancelExecution: operation({
    ...write('POST', 'executions'),
    path: '/admin/v1/executions/{execution_id}/cancel',
    summary: 'Cancel an execution; one that its node has accepted ends when the node says so',
    response: Type.Interface([Execution], {
      message: Type.String({ description: 'What happens now' }),
    }),
    errors: [404, 409],
  }),
} as const
