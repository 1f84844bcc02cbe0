import { openForTests } from '@plexd/runtime/testing'
import { type System, type SystemOptions, startSystem } from './system.ts'

/** A system for the tests of the `describe` that calls this; empty until the first one. */
export const openSystem = (options?: SystemOptions): System =>
  openForTests(() => startSystem(options))
