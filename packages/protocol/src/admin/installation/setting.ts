import { type Static, Type } from 'typebox'
import { nullable } from '../../schemas/scalars.ts'

export const SettingOrigin = Type.Enum([
  'option',
  'environment',
  'config file',
  'systemd credential',
  'default',
])
export type SettingOrigin = Static<typeof SettingOrigin>

/** A setting of the control plane that is in force. */
export const SettingView = Type.Object({
  name: Type.String({ description: 'As in the config file', examples: ['backup_every'] }),
  value: nullable(Type.String(), { description: 'As one would write it; null if there is none' }),
  source: SettingOrigin,
  reloads: Type.Boolean({ description: 'SIGHUP changes it' }),
  waits_for_restart: Type.Boolean({
    description: 'At the last reload it was another, which waits for the next start',
  }),
})
export type SettingView = Static<typeof SettingView>
