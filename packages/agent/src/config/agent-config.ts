import { CliError, exitCodes } from '@plexd/runtime'
import type { Place } from './place.ts'
import { type SettingValues, settingRows } from './settings.ts'

/** All settings, wherever they come from. Times are milliseconds. */
export interface AgentConfig extends SettingValues {
  /** Whether the hostname was configured; otherwise it is the machine's. */
  hostnameChosen: boolean
  /** Whether the address of the control plane was configured; otherwise it is that of the enrolment, or where it said it moved. */
  apiUrlChosen: boolean
  /** The proxy for `apiUrl`, from the environment; undefined for none. */
  proxyUrl: string | undefined
  /** The other addresses of the control plane, with the proxy of each; `apiUrl` is the preferred one. */
  otherPlaces: readonly Place[]
  /** Where systemd has put the credentials of this service; undefined without any. */
  credentialsDir: string | undefined
  /** Of the config file: those that are no settings, which are ignored. */
  unknownKeys: readonly string[]
}

export const defaultConfigFile = '/etc/plexd/config.yaml'

export const defaultConfig: AgentConfig = {
  ...(Object.fromEntries(settingRows.map(([name, row]) => [name, row.default])) as SettingValues), // every row has a default
  hostnameChosen: false,
  apiUrlChosen: false,
  proxyUrl: undefined,
  otherPlaces: [],
  credentialsDir: undefined,
  unknownKeys: [],
}

/** The settings from one source; missing ones are left to the next. */
export type Settings = Partial<AgentConfig>

/** For commands that call the control plane. */
export function requireApiUrl(config: AgentConfig): void {
  if (config.apiUrl !== '') return
  throw new CliError(
    `no control plane is named: give a join string to "plexd setup" or "plexd join", at the prompt or by --join-file FILE; or name the address: --api https://HOST:PORT, PLEXD_API, or "api:" in ${defaultConfigFile}`,
    exitCodes.usage,
  )
}
