import { CliError, exitCodes } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { ownersOfTyped, readOwnSecret } from '../identity/own-secret.ts'
import { fetchMetadataToken } from './metadata-token.ts'

/**
 * Finds the bootstrap token: in the config, the token file, the environment, the cloud's metadata service (if enabled),
 * or by `ask` (a prompt), in this order. Throws a CliError (usage) that lists these places.
 */
export async function findBootstrapToken(
  config: AgentConfig,
  env: NodeJS.ProcessEnv,
  ask?: () => Promise<string>,
): Promise<string> {
  const owners = ownersOfTyped(env, config.dataDir)
  const readFile = () => readOwnSecret(config.tokenFile, owners, exitCodes.usage)
  const sources: [place: string, read: () => Promise<string | undefined>][] = [
    ['the config', async () => config.tokenValue],
    [`"${config.tokenFile}"`, async () => readFile()],
    [config.tokenEnv, async () => env[config.tokenEnv]],
    [
      'the cloud metadata',
      async () => (config.tokenFromMetadata ? fetchMetadataToken(config) : undefined),
    ],
    ['the terminal', async () => ask?.()],
  ]
  for (const [place, read] of sources) {
    const token = (await read())?.trim()
    if (token) return checkToken(token, place)
  }
  throw new CliError(
    `no bootstrap token: looked for the file "${config.tokenFile}"${readFile() === undefined ? '' : ', which is empty,'} and the variable ${config.tokenEnv}` +
      `${config.tokenFromMetadata ? ' and in the cloud metadata' : ''}: make one with "plexctl token create" and give it with --token-file FILE`,
    exitCodes.usage,
  )
}

function checkToken(token: string, place: string): string {
  if (token.length <= 512 && /^[\x20-\x7e]+$/.test(token)) return token
  throw new CliError(
    `read bootstrap token from ${place}: want one line of at most 512 printable ASCII characters, the token alone: copy it again`,
    exitCodes.usage,
  )
}
