export { type Config, fileName, settings } from './config.ts'
export { type ControlPlane, startControlPlane } from './control-plane.ts'
export { decodeAudience } from './events/audience.ts'
export { limits } from './limits.ts'
