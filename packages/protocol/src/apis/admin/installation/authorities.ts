import { Type } from 'typebox'
import { AuthorityStatus } from '../../../admin/installation/replacement.ts'
import { Warnings } from '../../../admin/warnings.ts'
import { operation } from '../../../operations/operation.ts'
import { read, writeShared } from '../row.ts'

const step = {
  ...writeShared('POST', 'authorities'),
  response: Type.Interface([AuthorityStatus, Warnings], {}),
  errors: [400, 409, 503],
} as const

const Force = Type.Object({
  force: Type.Optional(Type.Enum(['true', 'false'], { description: 'Whatever stands against it' })),
})

/** Whom nodes trust as this control plane. Each step may be repeated. */
export const authorities = {
  getAuthorities: operation({
    ...read('authorities'),
    path: '/admin/v1/authorities',
    summary: 'Show the authorities that nodes trust, and which nodes do not trust the newest yet',
    response: AuthorityStatus,
  }),
  prepareAuthority: operation({
    ...step,
    path: '/admin/v1/authorities/prepare',
    summary: 'Make the next authority, and tell all nodes to trust it as well',
  }),
  activateAuthority: operation({
    ...step,
    path: '/admin/v1/authorities/activate',
    query: Force,
    summary: 'Serve with a certificate of the next authority; refused while nodes do not trust it',
  }),
  retireAuthority: operation({
    ...step,
    path: '/admin/v1/authorities/retire',
    query: Force,
    summary:
      'Tell nodes to trust the previous authority no longer; refused while join strings may name it',
  }),
} as const
