import type { Action } from '../define.ts'
import { collect } from './collect.ts'
import { configDump } from './config-dump.ts'
import type { Builtin } from './define-builtin.ts'
import { healthCheck } from './health-check.ts'
import { logsSnapshot } from './logs-snapshot.ts'
import { meshReconnect } from './mesh-reconnect.ts'
import type { NodeFacts } from './node-facts.ts'
import { pingPeer } from './ping-peer.ts'
import { reloadConfig } from './reload-config.ts'
import { serviceRestart } from './service-restart.ts'
import { serviceUpgrade } from './service-upgrade.ts'
import { systemInfo } from './system-info.ts'
import { traceroutePeer } from './traceroute-peer.ts'

/** All of plexd's own actions, in the order in which they are listed. */
export const builtins: readonly Builtin[] = [
  collect,
  pingPeer,
  traceroutePeer,
  serviceRestart,
  reloadConfig,
  serviceUpgrade,
  systemInfo,
  healthCheck,
  meshReconnect,
  configDump,
  logsSnapshot,
]

export function builtinActions(node: NodeFacts): Action[] {
  return builtins.map((builtin) => builtin.on(node))
}
