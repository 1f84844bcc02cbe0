import { isDeepStrictEqual } from 'node:util'
import type { ReloadReport } from '../actions/builtin/node-facts.ts'
import type { AgentConfig } from '../config/agent-config.ts'
import { faultsOfLogFiles } from '../config/log-files.ts'
import { reloading, settings } from '../config/settings.ts'

/** What the next settings say of themselves. */
const isNoSetting: ReadonlySet<keyof AgentConfig> = new Set([
  'hostnameChosen',
  'credentialsDir',
  'unknownKeys',
])

/** Puts those of the next settings into the running ones that may change while plexd runs. */
export function takeOver(running: AgentConfig, next: AgentConfig): ReloadReport {
  const names = Object.keys({ ...running, ...next }) as (keyof AgentConfig)[] // both are of that type
  const differing = names.filter(
    (name) => !isNoSetting.has(name) && !isDeepStrictEqual(running[name], next[name]),
  )
  const changed = differing.filter((name) => reloading.has(name))
  Object.assign(running, Object.fromEntries(changed.map((name) => [name, next[name]])))
  return {
    changed: changed.map(keyOf),
    needs_restart: differing.filter((name) => !reloading.has(name)).map(keyOf),
    unknown: [...next.unknownKeys],
    ignored: faultsOfLogFiles(next.logsFiles),
  }
}

/** Its first key in the config file; the proxy comes from the environment. */
function keyOf(name: keyof AgentConfig): string {
  const rows: Readonly<Record<string, { keys: readonly [string, ...string[]] }>> = settings
  return rows[name]?.keys[0] ?? 'proxy'
}
