export type { Config } from './config.ts'
export { type ControlPlane, startControlPlane } from './control-plane.ts'
export { decodeAudience } from './events/audience.ts'
