import { Type } from 'typebox'
import { Node, NodeDetail } from '../../admin/node.ts'
import { pageOf } from '../../admin/page.ts'
import { FleetVersions } from '../../nodes/binary.ts'
import { operation } from '../../operations/operation.ts'
import { Empty, Paging, read, remove, write } from './row.ts'

/** The nodes of a tenant. */
export const nodes = {
  listNodes: operation({
    ...read('nodes'),
    path: '/admin/v1/nodes',
    summary: 'List nodes',
    query: Type.Interface([Paging], {
      selector: Type.Optional(
        Type.String({ description: 'Of labels, and of what nodes report: `reported.os=linux`' }),
      ),
    }),
    response: pageOf(Node),
    errors: [400],
  }),
  listVersions: operation({
    ...read('nodes'),
    path: '/admin/v1/versions',
    summary: 'Count nodes by the version of plexd that they run',
    query: Type.Object({ selector: Type.Optional(Type.String()) }),
    response: FleetVersions,
    errors: [400],
  }),
  getNode: operation({
    ...read('nodes'),
    path: '/admin/v1/nodes/{node}',
    summary: 'Read one node',
    response: NodeDetail,
    errors: [404],
  }),
  renameNode: operation({
    ...write('PATCH', 'nodes'),
    path: '/admin/v1/nodes/{node}',
    summary: 'Give a node another hostname',
    request: Type.Object({ hostname: Type.String({ minLength: 1, maxLength: 253 }) }),
    response: NodeDetail,
    errors: [400, 404, 409],
  }),
  removeNode: operation({
    ...remove('nodes'),
    path: '/admin/v1/nodes/{node}',
    summary: 'Remove a node from the mesh at once; with ?force all others get fresh PSKs',
    query: Type.Object({
      force: Type.Optional(
        Type.Enum(['true', 'false'], { description: 'For a node that is lost or compromised' }),
      ),
    }),
    errors: [400, 404],
  }),
  requestKeyRotation: operation({
    ...write('POST', 'nodes'),
    path: '/admin/v1/nodes/{node}/rotate-keys',
    summary: 'Ask a node to rotate its WireGuard key, and with it its NSK and its token',
    response: Empty,
    status: 202,
    errors: [404, 409],
  }),
} as const
