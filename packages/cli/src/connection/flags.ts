import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { nearest } from '@plexd/protocol'
import { CliError, exitCodes, readConfigFile } from '@plexd/runtime'
import type { Command } from 'commander'

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
  /** `--server`, `PLEXCTL_SERVER` or the config file. */
  from: string
}

export interface Flags {
  server?: string
  caFile?: string
  tokenFile?: string
  insecureHttp?: boolean
}

type Env = Readonly<Record<string, string | undefined>>

const proxyHelp = `
The control plane is asked by the proxy that HTTPS_PROXY names (http://[user:password@]host:port), unless NO_PROXY names the
control plane: names, addresses, CIDR ranges. "plexctl config show" shows it.
`

/** The flags that every command takes, before or behind its name. */
export function addGlobalFlags(program: Command): void {
  program
    .option(
      '--server <url>',
      'URL of the control plane, or unix:///PATH of its admin socket, which wants a token too (env PLEXCTL_SERVER)',
    )
    .option('--ca-file <file>', 'its authority: ca.crt of its data directory (env PLEXCTL_CA_FILE)')
    .option('--token-file <file>', 'file with an admin token (env PLEXCTL_TOKEN_FILE)')
    .option('--insecure-http', 'allow an http:// server on a loopback address')
    .addHelpText('after', proxyHelp)
}

/** `$XDG_CONFIG_HOME/plexctl/config.yaml`, by default under `~/.config`. */
export function configPath(env: Env): string {
  const folder = env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config')
  return join(folder, 'plexctl', 'config.yaml')
}

/** A flag wins over the environment, and that over the config file. */
export async function readSettings(flags: Flags, env: Env): Promise<Settings> {
  const path = configPath(env)
  const file = checkConfig((await readConfigFile(path)) ?? {}, path)
  const pick = (flag: keyof Flags, name: string, variable: string, key: string) =>
    setting(flags[flag], `--${name}`) ??
    setting(env[variable], variable) ??
    setting(file[key], path)
  return {
    server: pick('server', 'server', 'PLEXCTL_SERVER', 'server'),
    caFile: pick('caFile', 'ca-file', 'PLEXCTL_CA_FILE', 'ca_file'),
    tokenFile: pick('tokenFile', 'token-file', 'PLEXCTL_TOKEN_FILE', 'token_file'),
    insecureHttp: flags.insecureHttp === true || file.insecure_http === true,
    env,
  }
}

/** The flags as the config file spells them; files become absolute, as they will be read from anywhere. */
export function configOf(flags: Flags): Record<string, unknown> {
  return {
    ...(flags.server === undefined ? {} : { server: flags.server }),
    ...(flags.caFile === undefined ? {} : { ca_file: resolve(flags.caFile) }),
    ...(flags.tokenFile === undefined ? {} : { token_file: resolve(flags.tokenFile) }),
    ...(flags.insecureHttp === undefined ? {} : { insecure_http: flags.insecureHttp }),
  }
}

const configKeys: Record<string, 'string' | 'boolean'> = {
  server: 'string',
  ca_file: 'string',
  token_file: 'string',
  insecure_http: 'boolean',
}

function checkConfig(config: Record<string, unknown>, path: string): Record<string, unknown> {
  for (const [key, value] of Object.entries(config)) {
    const type = configKeys[key]
    if (!type) {
      const known = Object.keys(configKeys)
      const meant = nearest(key, known)
      const want = meant === undefined ? `want ${known.join(', ')}` : `did you mean "${meant}"?`
      throw new CliError(`read config "${path}": unknown key "${key}": ${want}`, exitCodes.usage)
    }
    if (typeof value !== type) {
      throw new CliError(`read config "${path}": "${key}" must be a ${type}`, exitCodes.usage)
    }
  }
  return config
}

function setting(value: unknown, from: string): Setting | undefined {
  return typeof value === 'string' && value !== '' ? { value, from } : undefined
}
