import { Type } from 'typebox'
import { EventRecord } from '../../admin/event-record.ts'
import { operation } from '../../operations/operation.ts'
import { read } from './row.ts'

/** What nodes are sent. */
export const events = {
  tailEvents: operation({
    ...read('events'),
    path: '/admin/v1/nodes/{node}/events',
    summary: 'Follow what a node is sent, as server-sent events',
    query: Type.Object({
      after: Type.Optional(
        Type.String({
          description: 'SSE id to start behind; "0" is the whole log; now when absent',
        }),
      ),
    }),
    response: EventRecord,
    responseKind: 'event-stream',
    errors: [400, 404],
  }),
} as const
