import { printable } from '@plexd/runtime'
import type { Identity } from '../../identity/identity.ts'

/** What a setup has come to. */
export interface Outcome {
  node_id: string
  hostname: string
  mesh_ip: string
  /** Whether this machine was a node before. */
  was_enrolled: boolean
  /** Keys that were written into the config file. */
  config_keys: string[]
  /** `none`: systemd does not run this machine, or does not know plexd. */
  service: 'running' | 'started' | 'stopped' | 'none'
  /** What the operator or the person here does next. */
  next: string
}

export function who({
  node_id,
  hostname,
  mesh_ip,
}: Identity): Pick<Outcome, 'node_id' | 'hostname' | 'mesh_ip'> {
  return { node_id, hostname, mesh_ip }
}

/** For people. */
export function describeOutcome({ node_id, hostname, mesh_ip, service, next }: Outcome): string {
  // The packages of a node have no plexctl.
  const where = next.startsWith('plexctl') ? ' (where plexctl is)' : ''
  const facts = { node_id, hostname, mesh_ip, service: words[service], next: `${next}${where}` }
  return Object.entries(facts)
    .map(([name, value]) => `${name}: ${printable(value)}\n`)
    .join('')
}

const words: Readonly<Record<Outcome['service'], string>> = {
  running: 'plexd.service runs',
  started: 'plexd.service is started, now and at every boot',
  stopped: 'plexd.service does not run',
  none: 'none: systemd does not run this machine, or another config file is used',
}
