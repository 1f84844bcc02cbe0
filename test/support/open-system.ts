import { after, before } from 'node:test'
import { type System, type SystemOptions, startSystem } from './system.ts'

/** Starts a system before the first test of the `describe` that calls this, and ends it after the last one. The object is empty until then. */
export function openSystem(options?: SystemOptions): System {
  const system = {} as System // filled before the first test
  const opened = new AsyncDisposableStack()
  before(async () => {
    Object.assign(system, opened.use(await startSystem(options)))
  })
  after(() => opened.disposeAsync())
  return system
}
