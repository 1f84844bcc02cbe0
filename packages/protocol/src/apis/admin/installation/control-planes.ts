import { Type } from 'typebox'
import { ControlPlaneView } from '../../../admin/installation/control-plane.ts'
import { operation } from '../../../operations/operation.ts'
import { read } from '../row.ts'

/** The processes that serve all tenants, or would. */
export const controlPlanes = {
  listControlPlanes: operation({
    ...read('settings'),
    scope: 'installation',
    path: '/admin/v1/control-planes',
    summary: 'List the control planes of the installation: which serves, and which wait',
    response: Type.Object({ items: Type.Array(ControlPlaneView) }),
  }),
} as const
