/** What other packages' tests need: an agent in their own process. */
export { type Agent, startAgent } from './agent.ts'
export { type AgentConfig, defaultConfig } from './config.ts'
export type { AgentDeps } from './core.ts'
export type { WireguardDevice } from './wireguard/device.ts'
export { createFakeDevice, type FakeDevice } from './wireguard/device-fake.ts'
