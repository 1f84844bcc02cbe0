import { CliError, createLog, exitCodes, type LogLevel, logLevels } from '@plexd/runtime'
import type { AgentConfig, Settings } from '../config/agent-config.ts'
import { loadConfig } from '../config/load-config.ts'

/** What the command line sets, and the file it names. */
export interface Flags {
  settings: Settings
  configFile: string | undefined
}

/** The options of any command; those it does not have are not set. */
export function readFlags(options: Record<string, unknown>): Flags {
  const text = (name: string): string | undefined => {
    const value = options[name]
    return typeof value === 'string' ? value : undefined
  }
  const settings: Settings = {}
  for (const [option, setting] of textOptions) {
    const value = text(option)
    if (value === '') throw new CliError(`--${kebab(option)}: want a value`, exitCodes.usage)
    if (value !== undefined) Object.assign(settings, { [setting]: value })
  }
  if (options.insecureHttp === true) settings.insecureHttp = true
  if (typeof options.mesh === 'boolean') settings.meshEnabled = options.mesh
  return { settings, configFile: text('config') }
}

const textOptions = [
  ['api', 'apiUrl'],
  ['caFile', 'caFile'],
  ['tokenFile', 'tokenFile'],
  ['dataDir', 'dataDir'],
  ['socket', 'socketPath'],
  ['hostname', 'hostname'],
  ['mode', 'mode'],
  ['logLevel', 'logLevel'],
] as const satisfies readonly (readonly [string, keyof AgentConfig])[]

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** Warnings about the config go to stderr at the level that was asked for on the command line. */
export function loadConfigFor({ settings, configFile }: Flags): Promise<AgentConfig> {
  const log = createLog('plexd', levelOf(settings.logLevel ?? process.env.PLEXD_LOG_LEVEL))
  return loadConfig({ flags: settings, file: configFile, env: process.env, log })
}

function levelOf(text: string | undefined): LogLevel {
  return logLevels.find((level) => level === text) ?? 'warn'
}
