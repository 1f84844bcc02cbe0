import type { Command } from 'commander'
import { defaultConfigFile } from '../../config/agent-config.ts'
import { withFlags } from '../given/flags.ts'

/** Options that several commands take. */

export function withControlPlane(command: Command): Command {
  return withUrl(withConfig(command))
}

export function withUrl(command: Command): Command {
  return withFlags(command, 'apiUrl', 'caFile', 'caFingerprint', 'insecureHttp')
}

export function withSocket(command: Command): Command {
  return withJson(withFlags(withConfig(command), 'socketPath'))
}

export function withJson(command: Command): Command {
  return command.option('--json', 'print JSON')
}

export function withConfig(command: Command): Command {
  command.option('--config <file>', `config file; ${defaultConfigFile} by default`)
  return withFlags(command, 'dataDir', 'logLevel')
}
