/** What `serve` runs with; times in milliseconds. */
export interface Config {
  dataDir: string
  host: string
  port: number
  /** Plain HTTP, on a loopback address only. */
  insecureHttp: boolean
  tlsCertFile?: string
  tlsKeyFile?: string
  tlsNames: readonly string[]
  /** How nodes reach us, as `https://host:port`; goes into callback URLs. */
  publicUrl: string
  meshCidr: string
  heartbeatIntervalMs: number
  /** How long the mesh IP of a removed node stays unused. */
  addressCooldownMs: number
  /** Events older than this, or beyond the newest `eventLogMax`, are pruned. */
  eventLogMs: number
  eventLogMax: number
  telemetryMs: number
  telemetryMaxBytes: number
}
