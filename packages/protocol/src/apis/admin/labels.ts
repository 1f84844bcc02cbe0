import { Type } from 'typebox'
import { UnconfirmedLabel } from '../../admin/label.ts'
import { NodeDetail } from '../../admin/node.ts'
import { pageOf } from '../../admin/page.ts'
import { Warnings } from '../../admin/warnings.ts'
import { operation } from '../../operations/operation.ts'
import { Metadata } from '../../schemas/scalars.ts'
import { Paging, read, write } from './row.ts'

const TouchedNodes = Type.Object({
  nodes: Type.Integer({ description: 'How many had such a label' }),
})

/** What operators say of nodes, and selectors match. */
export const labels = {
  setNodeMetadata: operation({
    ...write('PATCH', 'nodes'),
    path: '/admin/v1/nodes/{node}/metadata',
    summary: 'Set or remove labels of a node',
    request: Type.Object({
      set: Type.Optional(Metadata),
      remove: Type.Optional(Type.Array(Type.String())),
    }),
    response: Type.Interface([NodeDetail, Warnings], {}),
    errors: [400, 404],
  }),
  listUnconfirmedLabels: operation({
    ...read('nodes'),
    path: '/admin/v1/labels/unconfirmed',
    summary:
      'List labels that nodes may have set themselves, before labels and reports were told apart',
    query: Paging,
    response: pageOf(UnconfirmedLabel),
    errors: [400],
  }),
  confirmLabels: operation({
    ...write('POST', 'nodes'),
    path: '/admin/v1/labels/confirm',
    summary: 'Keep unconfirmed labels as labels: those of the keys, or all',
    request: Type.Object({ keys: Type.Optional(Type.Array(Type.String(), { minItems: 1 })) }),
    response: TouchedNodes,
    errors: [400],
  }),
  dropLabels: operation({
    ...write('POST', 'nodes'),
    path: '/admin/v1/labels/drop',
    summary: 'Make unconfirmed labels what the nodes report, with which no rights go',
    request: Type.Object({ keys: Type.Array(Type.String(), { minItems: 1 }) }),
    response: TouchedNodes,
    errors: [400],
  }),
} as const
