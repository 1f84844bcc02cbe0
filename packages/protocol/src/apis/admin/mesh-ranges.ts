import { Type } from 'typebox'
import { MeshRange } from '../../admin/mesh-range.ts'
import { Warnings } from '../../admin/warnings.ts'
import { operation } from '../../operations/operation.ts'
import { Ipv4Cidr } from '../../schemas/scalars.ts'
import { read, remove, write } from './row.ts'

/** The ranges that nodes have their addresses from. */
export const meshRanges = {
  listMeshRanges: operation({
    ...read('mesh_ranges'),
    path: '/admin/v1/mesh/ranges',
    summary: 'List the ranges that nodes have their addresses from, in the order they were added',
    response: Type.Object({ items: Type.Array(MeshRange) }),
  }),
  addMeshRange: operation({
    ...write('POST', 'mesh_ranges'),
    path: '/admin/v1/mesh/ranges',
    summary: 'Add a range, from which new nodes take; all nodes route it beside the others',
    request: Type.Object({ range: Ipv4Cidr }),
    response: Type.Interface([MeshRange, Warnings], {}),
    status: 201,
    errors: [400, 409],
  }),
  removeMeshRange: operation({
    ...remove('mesh_ranges'),
    path: '/admin/v1/mesh/ranges/{range}',
    summary: 'Remove a range in which no node has an address, nor had one a short while ago',
    errors: [404, 409],
  }),
} as const
