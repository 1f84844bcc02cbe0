import { after, before } from 'node:test'
import { type HarnessOptions, startControlPlane, type TestControlPlane } from './harness.ts'

/** Starts a control plane before the first test of the `describe` that calls this, and ends it after the last one. The object is empty until then. */
export function openControlPlane(options?: HarnessOptions): TestControlPlane {
  const plane = {} as TestControlPlane // filled before the first test
  before(async () => {
    Object.assign(plane, await startControlPlane(options))
  })
  after(() => plane[Symbol.asyncDispose]())
  return plane
}
