import {
  CliError,
  createCommandLog,
  type DaemonStart,
  exitCodes,
  type LogLevel,
  logLevels,
  withCredentialsOf,
} from '@plexd/runtime'
import { type Command, Option } from 'commander'
import type { AgentConfig, Settings } from '../../config/agent-config.ts'
import { loadConfig } from '../../config/load-config.ts'
import { describeSetting } from '../../config/settings/setting.ts'
import { type SettingName, settingRows } from '../../config/settings.ts'

/** The settings from the command line, and the config file it names. */
export interface Flags {
  settings: Settings
  configFile: string | undefined
}

/** Of every command that can print JSON. */
export interface Json {
  json?: boolean
}

/** What a command is run with, apart from its options and arguments. */
export interface Caller {
  program: Command
  daemonStart: DaemonStart | undefined
}

/** The options of any command; those that a command lacks are not set. */
export function readFlags(options: Record<string, unknown>): Flags {
  const settings: Settings = {}
  for (const [name, { flag }] of settingRows) {
    const option = flag === undefined ? undefined : new Option(flag)
    const value = option && options[option.attributeName()]
    if (value === '') throw new CliError(`${option?.long}: want a value`, exitCodes.usage)
    if (value !== undefined) Object.assign(settings, { [name]: value })
  }
  const { config } = options
  return { settings, configFile: typeof config === 'string' ? config : undefined }
}

/** Adds the options that set these. */
export function withFlags(command: Command, ...names: SettingName[]): Command {
  for (const [name, row] of settingRows) {
    const { flag = '', off, choices, default: value } = row
    if (!names.includes(name)) continue
    const help = describeSetting(row)
    const standard = typeof value === 'string' && value !== '' && !choices
    const option = new Option(flag, standard ? `${help}; ${value} by default` : help)
    command.addOption(choices ? option.choices(choices) : option)
    if (off !== undefined) command.option(flag.replace('--', '--no-'), off)
  }
  return command
}

/** What `LoadCredential=` of this unit hands over, commands use too. */
export const serviceUnit = 'plexd.service'

/** Config warnings go to stderr, with the log level of the command line. */
export function loadConfigFor(
  { settings, configFile }: Flags,
  env = withCredentialsOf(serviceUnit),
): Promise<AgentConfig> {
  const log = createCommandLog('plexd', levelOf(settings.logLevel ?? env.PLEXD_LOG_LEVEL))
  return loadConfig({ flags: settings, file: configFile, env, log })
}

function levelOf(text: string | undefined): LogLevel {
  return logLevels.find((level) => level === text) ?? 'warn'
}
