import { isDeepStrictEqual } from 'node:util'
import { describeError } from '@plexd/runtime'
import type { ReloadReport } from '../actions/builtin/node-facts.ts'
import type { AgentConfig } from '../config/agent-config.ts'
import { faultsOfLogFiles } from '../config/log-files.ts'
import type { Setting } from '../config/settings/setting.ts'
import { reloading, settings } from '../config/settings.ts'
import type { Problems } from '../health/problems.ts'

/** What the next settings say of themselves. */
const isNoSetting: ReadonlySet<keyof AgentConfig> = new Set([
  'hostnameChosen',
  'apiUrlChosen',
  'credentialsDir',
  'unknownKeys',
])

/** Reads the settings again. While they are not valid, that is a problem of the node: with them it would not start. */
export async function readAgain(
  read: () => Promise<AgentConfig>,
  problems: Pick<Problems, 'set' | 'clear'>,
): Promise<AgentConfig> {
  try {
    const config = await read()
    problems.clear('settings')
    return config
  } catch (error) {
    problems.set(
      'settings',
      `the settings could not be read again, those from before are in force, and the next start would fail: ${describeError(error)}: mend that, then: systemctl reload plexd`,
    )
    throw error
  }
}

/** Puts those of the next settings into the running ones that may change while plexd runs. */
export function takeOver(running: AgentConfig, next: AgentConfig): ReloadReport {
  const differs = (name: keyof AgentConfig) => !isDeepStrictEqual(running[name], next[name])
  const names = Object.keys({ ...running, ...next }) as (keyof AgentConfig)[] // both are of that type
  const differing = names.filter(
    (name) => !isNoSetting.has(name) && !isOver(name, running, next) && differs(name),
  )
  const changed = differing.filter((name) => reloading.has(name))
  Object.assign(running, Object.fromEntries(changed.map((name) => [name, next[name]])))
  return {
    changed: changed.map(keyOf),
    needs_restart: [...new Set(differing.filter((name) => !reloading.has(name)).map(keyOf))],
    unknown: [...next.unknownKeys],
    ignored: faultsOfLogFiles(next.logsFiles),
  }
}

/** The node is registered: nothing is done with it any more, and a fingerprint has led to the CA file that is used now. */
function isOver(name: keyof AgentConfig, running: AgentConfig, next: AgentConfig): boolean {
  if (name === 'caFingerprint' && next.caFingerprint === undefined)
    return running.caFile === next.caFile
  return rows[name]?.registers === true
}

const rows: Readonly<Record<string, Setting<unknown> | undefined>> = settings

/** Its first key in the config file; the proxy comes from the environment. */
function keyOf(name: keyof AgentConfig): string {
  if (name === 'otherPlaces') return settings.apiUrl.keys[0]
  return rows[name]?.keys[0] ?? 'proxy'
}
