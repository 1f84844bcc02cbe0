import { existsSync } from 'node:fs'
import { CliError, exitCodes } from '@plexd/runtime'
import type { AgentConfig } from '../../config/agent-config.ts'
import { checkApiUrl } from '../../config/api-url.ts'
import { pinnedCaFile } from '../../config/remembered.ts'
import { fingerprint } from '../../config/settings/values.ts'
import { joinedBy } from '../../registration/join-string.ts'

/** Who answers: a person at a terminal, or nobody. */
export interface Person {
  ask(question: string): Promise<string>
  /** What is typed is not shown. */
  askSecret(question: string): Promise<string>
}

/** What a person types may be wrong so often. */
const attempts = 3

/** The settings with control plane, token and authority, of a join string or one by one. */
export async function askConnection(config: AgentConfig, person: Person): Promise<AgentConfig> {
  if (config.apiUrl !== '') return askToken(config, person)
  const text = await person.askSecret('Join string, or nothing to be asked one by one: ')
  if (text.trim() !== '') return joinedBy(text, config)
  const apiUrl = await untilGood(person.ask, 'Control plane, https://HOST[:PORT]: ', (answer) =>
    checkApiUrl(answer, config.insecureHttp),
  )
  return askToken({ ...config, ...(await askAuthority(config, person)), apiUrl }, person)
}

/** One that is named already stays. */
async function askAuthority(
  { caFile, dataDir }: AgentConfig,
  { ask }: Person,
): Promise<Partial<AgentConfig>> {
  if (caFile !== undefined) return {}
  const question = 'SHA-256 fingerprint of its authority, or nothing if it is a public one: '
  const caFingerprint = await untilGood(ask, question, (text) =>
    text === '' ? undefined : fingerprint(text),
  )
  return caFingerprint === undefined ? {} : { caFile: pinnedCaFile(dataDir), caFingerprint }
}

/** Unless there is one in the settings, or in its file. */
async function askToken(config: AgentConfig, { askSecret }: Person): Promise<AgentConfig> {
  if (config.tokenValue !== undefined || existsSync(config.tokenFile)) return config
  const tokenValue = (await askSecret('Bootstrap token: ')).trim()
  return tokenValue === '' ? config : { ...config, tokenValue }
}

async function untilGood<T>(
  ask: Person['ask'],
  question: string,
  read: (text: string) => T,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const text = (await ask(question)).trim()
    try {
      return read(text)
    } catch (error) {
      if (attempt === attempts || !(error instanceof Error)) throw usage(error)
      process.stderr.write(`plexd: ${error.message}\n`)
    }
  }
}

function usage(error: unknown): unknown {
  if (error instanceof CliError || !(error instanceof Error)) return error
  return new CliError(error.message, exitCodes.usage)
}
