import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { nearest } from '@plexd/protocol'
import { CliError, exitCodes, readConfigFile } from '@plexd/runtime'
import type { Command } from 'commander'
import { localControlPlane } from './local.ts'

/** Where the control plane is and how to be trusted by it, with each value's origin for the error texts. */
export interface Settings {
  server?: Setting
  caFile?: Setting
  tokenFile?: Setting
  /** Plain HTTP to a loopback address is fine. */
  insecureHttp: boolean
  /** Where the proxy is named, if there is one. */
  env: Env
}

export interface Setting {
  value: string
  /** `--server`, `PLEXCTL_SERVER`, the config file, or the control plane of this machine. */
  from: string
}

export interface Flags {
  server?: string
  caFile?: string
  tokenFile?: string
  insecureHttp?: boolean
}

interface Row {
  /** In the config file. */
  key: string
  /** As commander takes it; a switch has no value. */
  flag: string
  env?: string
  /** Becomes absolute in the config file, as it will be read from anywhere. */
  isFile?: true
  help: string
}

const settings: Record<keyof Flags, Row> = {
  server: {
    key: 'server',
    flag: '--server <url>',
    env: 'PLEXCTL_SERVER',
    help: 'URL of the control plane, or unix:///PATH of its admin socket, which wants a token too; several with commas in between, or several times: the first that serves is asked',
  },
  caFile: {
    key: 'ca_file',
    flag: '--ca-file <file>',
    env: 'PLEXCTL_CA_FILE',
    isFile: true,
    help: 'its authority: ca.crt of its data directory',
  },
  tokenFile: {
    key: 'token_file',
    flag: '--token-file <file>',
    env: 'PLEXCTL_TOKEN_FILE',
    isFile: true,
    help: 'file with an admin token',
  },
  insecureHttp: {
    key: 'insecure_http',
    flag: '--insecure-http',
    help: 'allow an http:// server on a loopback address',
  },
}

/** The rows with their names, in the order of the table. */
export const settingRows = Object.entries(settings) as [keyof Flags, Row][] // the names of the table

type Env = Readonly<Record<string, string | undefined>>

const proxyHelp = `
The control plane is asked by the proxy that HTTPS_PROXY names (http://[user:password@]host:port), unless NO_PROXY names the
control plane: names, addresses, CIDR ranges. "plexctl config show" shows it.
`

/** The flags that every command takes, before or behind its name. */
export function addGlobalFlags(program: Command): void {
  for (const [, { flag, env, help }] of settingRows)
    addFlag(program, flag, env === undefined ? help : `${help} (env ${env})`)
  program.addHelpText('after', proxyHelp)
}

function addFlag(program: Command, flag: string, help: string): void {
  if (flag === settings.server.flag) program.option(flag, help, behind)
  else program.option(flag, help)
}

/** What may be given several times. */
const behind = (value: string, before: string | undefined): string =>
  before === undefined ? value : `${before},${value}`

/** `$XDG_CONFIG_HOME/plexctl/config.yaml`, by default under `~/.config`. */
export function configPath(env: Env): string {
  const folder = env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config')
  return join(folder, 'plexctl', 'config.yaml')
}

/** A flag wins over the environment, that over the config file, and that over a control plane on this machine. */
export async function readSettings(flags: Flags, env: Env): Promise<Settings> {
  const path = configPath(env)
  const file = checkConfig((await readConfigFile(path)) ?? {}, path)
  const pick = (name: keyof Flags): Setting | undefined => {
    const { key, flag, env: variable = '' } = settings[name]
    return (
      setting(flags[name], flag.replace(/ .*/, '')) ??
      setting(env[variable], variable) ??
      setting(file[key], path)
    )
  }
  const server = pick('server')
  const local = server === undefined ? localControlPlane() : undefined
  return {
    server: server ?? local?.server,
    caFile: pick('caFile'),
    tokenFile: pick('tokenFile') ?? local?.tokenFile,
    insecureHttp: flags.insecureHttp === true || file.insecure_http === true,
    env,
  }
}

/** The flags as the config file spells them. */
export function configOf(flags: Flags): Record<string, unknown> {
  const given = settingRows.filter(([name]) => flags[name] !== undefined)
  return Object.fromEntries(
    given.map(([name, { key, isFile }]) => [
      key,
      isFile ? resolve(String(flags[name])) : flags[name],
    ]),
  )
}

function checkConfig(given: Record<string, unknown>, path: string): Record<string, unknown> {
  const config = withOneText(given)
  for (const [key, value] of Object.entries(config)) {
    const row = settingRows.find(([, row]) => row.key === key)?.[1]
    if (!row) {
      const known = settingRows.map(([, row]) => row.key)
      const meant = nearest(key, known)
      const want = meant === undefined ? `want ${known.join(', ')}` : `did you mean "${meant}"?`
      throw new CliError(`read config "${path}": unknown key "${key}": ${want}`, exitCodes.usage)
    }
    const type = row.flag.includes('<') ? 'string' : 'boolean'
    if (typeof value !== type) {
      throw new CliError(`read config "${path}": "${key}" must be a ${type}`, exitCodes.usage)
    }
  }
  return config
}

/** A list of servers as the one text that flags and environment have. */
function withOneText({ server, ...config }: Record<string, unknown>): Record<string, unknown> {
  const isList = Array.isArray(server) && server.every((one) => typeof one === 'string')
  return server === undefined ? config : { server: isList ? server.join(',') : server, ...config }
}

function setting(value: unknown, from: string): Setting | undefined {
  return typeof value === 'string' && value !== '' ? { value, from } : undefined
}
