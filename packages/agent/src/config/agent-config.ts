import { CliError, exitCodes } from '@plexd/runtime'
import { type SettingValues, settingRows } from './settings.ts'

/** All that can be set, whatever it was called where it was set. Times are milliseconds. */
export interface AgentConfig extends SettingValues {
  /** Whether somebody chose the hostname; else it is what the machine is called. */
  hostnameChosen: boolean
  /** By which the control plane is asked, as the environment says; undefined for none. */
  proxyUrl: string | undefined
}

export const defaultConfigFile = '/etc/plexd/config.yaml'

export const defaultConfig: AgentConfig = {
  ...(Object.fromEntries(settingRows.map(([name, row]) => [name, row.default])) as SettingValues), // a default for each
  hostnameChosen: false,
  proxyUrl: undefined,
}

/** What one source sets; what is missing is left to the next. */
export type Settings = Partial<AgentConfig>

/** For commands that talk to the control plane. */
export function requireApiUrl(config: AgentConfig): void {
  if (config.apiUrl !== '') return
  throw new CliError(
    `no control plane is named: give --api https://HOST:PORT, or set PLEXD_API, or "api:" in ${defaultConfigFile}`,
    exitCodes.usage,
  )
}
