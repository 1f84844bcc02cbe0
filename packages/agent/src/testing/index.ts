/** What the tests of other packages share. */

export { type FakeControlPlane, startFakeControlPlane } from './fake-control-plane.ts'
export { type RememberingAgent, startRememberingAgent } from './remembering-agent.ts'
export { createTestSigner, type TestSigner } from './signer.ts'
export { startTraffic, type Traffic } from './traffic.ts'
