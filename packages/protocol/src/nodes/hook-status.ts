import { type Static, Type } from 'typebox'
import { ActionParameter } from './capabilities.ts'

/** A hook as the operator of its machine sees it. */
export const HookStatus = Type.Object({
  name: Type.String(),
  path: Type.String(),
  state: Type.Enum(['ready', 'new', 'changed', 'lacking', 'refused'], {
    description:
      'ready: it runs; new: about to be announced; changed: not as it was announced; lacking: the machine lacks its user or the program of its sandbox; refused: its files are not safe or not understood',
  }),
  /** Why it does not run, with what to type; otherwise empty. */
  reason: Type.String(),
  description: Type.String(),
  parameters: Type.Array(ActionParameter),
  timeout: Type.String(),
  /** Empty for the user of plexd. */
  user: Type.String(),
  sandbox: Type.Enum(['none', 'namespaced', 'container']),
  /** Of its file: as the control plane was told, and as it is now. Empty if there is none, or it must not be read. */
  announced_checksum: Type.String(),
  checksum: Type.String(),
  warnings: Type.Array(Type.String()),
})
export type HookStatus = Static<typeof HookStatus>

/** All hooks of a machine by name, and what concerns their folder as a whole. */
export const HookList = Type.Object({
  hooks: Type.Array(HookStatus),
  warnings: Type.Array(Type.String()),
})
export type HookList = Static<typeof HookList>
