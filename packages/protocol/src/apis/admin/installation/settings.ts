import { Type } from 'typebox'
import { SettingView } from '../../../admin/installation/setting.ts'
import { operation } from '../../../operations/operation.ts'
import { read } from '../row.ts'

/** How the control plane itself is set up, which all tenants share. */
export const settings = {
  listSettings: operation({
    ...read('settings'),
    scope: 'installation',
    path: '/admin/v1/settings',
    summary: 'List the settings of the control plane that are in force, and where each is from',
    response: Type.Object({ items: Type.Array(SettingView) }),
  }),
} as const
