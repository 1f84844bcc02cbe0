import type { HookList } from '@plexd/protocol'
import type { Hooks } from './hooks.ts'

/** For a node that offers none. */
export function noHooks(why: string): Hooks {
  const list = (): HookList => ({ hooks: [], warnings: [why] })
  return { list, reload: async () => list(), async [Symbol.asyncDispose]() {} }
}
