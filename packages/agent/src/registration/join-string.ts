import { existsSync } from 'node:fs'
import { readJoin } from '@plexd/protocol'
import { CliError, describeError, exitCodes } from '@plexd/runtime'
import { type AgentConfig, defaultConfig } from '../config/agent-config.ts'
import { checkApiUrl } from '../config/api-url.ts'
import { namesPlace, urlsOf } from '../config/places.ts'
import { pinnedCaFile } from '../config/remembered.ts'
import { ownersOfTyped, readOwnSecret } from '../identity/own-secret.ts'

export interface JoinSources {
  env: NodeJS.ProcessEnv
  /** For "-" as the file. */
  stdin: () => Promise<string>
  /** Asked if nothing says where the control plane is. */
  ask?: (() => Promise<string>) | undefined
}

/**
 * The settings with address, token and authority of a join string, from its file or by `ask`; unchanged if there is none.
 * Throws a CliError (usage) if it is damaged, for another control plane than the settings, or not where it should be.
 */
export async function withJoinString(
  config: AgentConfig,
  sources: JoinSources,
): Promise<AgentConfig> {
  const text = (await findText(config, sources))?.trim()
  return text ? joinedBy(text, config) : config
}

/** Whether a file has to have it: one that somebody has named, or the usual one if it is there. */
export function hasJoinFile({ joinFile }: AgentConfig): boolean {
  return joinFile !== defaultConfig.joinFile || existsSync(joinFile)
}

/** What a machine that is enrolled already was given nevertheless; undefined for nothing. */
export async function givenJoin(
  { joinFile, dataDir }: AgentConfig,
  { env, stdin, ask }: JoinSources,
): Promise<string | undefined> {
  const text =
    joinFile === '-'
      ? await stdin()
      : (readOwnSecret(joinFile, ownersOfTyped(env, dataDir), exitCodes.usage) ?? (await ask?.()))
  return text?.trim() || undefined
}

async function findText(
  { joinFile, dataDir, apiUrl }: AgentConfig,
  { env, stdin, ask }: JoinSources,
): Promise<string | undefined> {
  if (joinFile === '-') return (await stdin()).trim() || missing('stdin', 'it is empty')
  const saved = readOwnSecret(joinFile, ownersOfTyped(env, dataDir), exitCodes.usage)
  if (saved !== undefined || apiUrl !== '') return saved
  // Only a file that somebody has named has to be there.
  return joinFile === defaultConfig.joinFile
    ? await ask?.()
    : missing(`"${joinFile}"`, 'there is no such file')
}

function missing(where: string, why: string): never {
  throw new CliError(
    `read join string from ${where}: ${why}: "plexctl token create --join" prints one`,
    exitCodes.usage,
  )
}

/** The settings with what this join string says. Throws as `withJoinString`. */
export function joinedBy(text: string, config: AgentConfig): AgentConfig {
  const { url, token, ca } = parseJoin(text)
  const apiUrl = checkApiUrl(url, config.insecureHttp)
  if (config.apiUrl !== '' && !namesPlace(config, apiUrl))
    throw new CliError(
      `join: the join string is for "${apiUrl}", and the settings say "${urlsOf(config)}": leave one of them out`,
      exitCodes.usage,
    )
  const authority = ca === undefined ? {} : authorityOf(config, ca)
  // Several addresses of the settings stay: the word has one of them.
  const address = config.apiUrl === '' ? { apiUrl } : {}
  return { ...config, ...address, tokenValue: token, ...authority }
}

/** Throws a CliError (usage). */
export function parseJoin(text: string): ReturnType<typeof readJoin> {
  try {
    return readJoin(text)
  } catch (error) {
    throw new CliError(describeError(error), exitCodes.usage)
  }
}

/** A CA file that is named stays in force: whoever named it knows. */
function authorityOf(
  { apiUrl, caFile, dataDir }: AgentConfig,
  caFingerprint: string,
): Partial<AgentConfig> {
  if (caFile !== undefined) return {}
  // What is remembered of an address does not count beside one in the settings, so the next start would trust nobody.
  if (apiUrl !== '')
    throw new CliError(
      `join: the settings name the address "${apiUrl}", but not its authority, which the join string has: leave the address out of them, or add "ca_fingerprint: ${caFingerprint}"`,
      exitCodes.usage,
    )
  return { caFile: pinnedCaFile(dataDir), caFingerprint }
}
