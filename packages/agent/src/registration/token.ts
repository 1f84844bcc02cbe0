import { CliError, exitCodes } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { ownersOfTyped, readOwnSecret } from '../identity/own-secret.ts'
import { fetchMetadataToken } from './metadata-token.ts'

/**
 * The bootstrap token: from the config, else the token file, else the environment, else the cloud's metadata service
 * if that is switched on, else `ask` (a prompt). Throws a CliError that lists where it looked.
 */
export async function findBootstrapToken(
  config: AgentConfig,
  env: NodeJS.ProcessEnv,
  ask?: () => Promise<string>,
): Promise<string> {
  const sources: (() => Promise<string | undefined>)[] = [
    async () => config.tokenValue,
    async () => readOwnSecret(config.tokenFile, ownersOfTyped(env, config.dataDir)),
    async () => env[config.tokenEnv],
    async () => (config.tokenFromMetadata ? fetchMetadataToken(config) : undefined),
    async () => ask?.(),
  ]
  for (const source of sources) {
    const token = (await source())?.trim()
    if (token) return checkToken(token)
  }
  throw new CliError(
    `no bootstrap token: looked for the file "${config.tokenFile}" and the variable ${config.tokenEnv}` +
      `${config.tokenFromMetadata ? ' and in the cloud metadata' : ''}: make one with "plexctl token create" and give it with --token-file FILE`,
    exitCodes.usage,
  )
}

function checkToken(token: string): string {
  if (token.length <= 512 && /^[\x20-\x7e]+$/.test(token)) return token
  throw new CliError(
    'read bootstrap token: want at most 512 printable ASCII characters: copy it again',
    exitCodes.usage,
  )
}
