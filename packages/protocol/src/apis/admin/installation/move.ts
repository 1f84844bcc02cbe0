import { Type } from 'typebox'
import { MoveStatus } from '../../../admin/installation/replacement.ts'
import { Warnings } from '../../../admin/warnings.ts'
import { operation } from '../../../operations/operation.ts'
import { read, writeShared } from '../row.ts'

/** Where nodes will find the control plane. */
export const move = {
  getMove: operation({
    ...read('move'),
    path: '/admin/v1/move',
    summary: 'Show where nodes are told that the control plane will be, and which do not know',
    response: MoveStatus,
  }),
  announceMove: operation({
    ...writeShared('PUT', 'move'),
    path: '/admin/v1/move',
    summary:
      'Tell all nodes where the control plane will be: they go there when it answers and the old address does not; no address ends that',
    request: Type.Object({
      urls: Type.Array(Type.String({ minLength: 1, maxLength: 2_048 }), { maxItems: 8 }),
    }),
    response: Type.Interface([MoveStatus, Warnings], {}),
    errors: [400, 409],
  }),
} as const
