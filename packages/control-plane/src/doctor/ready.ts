import { CliError, exitCodes, printable } from '@plexd/runtime'
import { type Static, Type } from 'typebox'
import { Check } from 'typebox/value'
import type { Config } from '../config/config.ts'
import { askPort, askSocket, saysWaiting } from './ask.ts'

/**
 * Asks the control plane that runs on this machine what /readyz says: by the socket of operators, which answers also when
 * strangers have filled the port, or by the port without one. Prints the answer; exit code 1 if it is not ready, nor waits where
 * that will do. Throws a CliError (unreachable) if none answers.
 */
export async function tellReady(
  config: Config,
  { json, orWaiting }: { json: boolean; orWaiting: boolean },
): Promise<void> {
  const { status, text } = await ask(config)
  const isReady = status === 200
  const { error = `it answers ${status}`, warnings = [] } = readAnswer(text, config)
  const words = [isReady ? 'ready' : `not ready: ${error}`, ...warnings].map(printable)
  process.stdout.write(json ? `${text.trim()}\n` : `${words.join('\n')}\n`)
  if (!isReady && !(orWaiting && saysWaiting(text))) process.exitCode = exitCodes.failed
}

const Answer = Type.Object({
  error: Type.Optional(Type.String()),
  warnings: Type.Optional(Type.Array(Type.String())),
})

function readAnswer(text: string, config: Config): Static<typeof Answer> {
  const answer = parsed(text)
  if (Check(Answer, answer)) return answer
  throw new CliError(
    `ask the control plane at "${placeOf(config)}": something else answers there, with "${printable(text.slice(0, 80))}": look who listens there ("ss -lntxp"), and give the settings that "serve" has`,
    exitCodes.unreachable,
  )
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const placeOf = ({ adminSocket, listen }: Config): string =>
  adminSocket ?? `${listen.host}:${listen.port}`

async function ask(config: Config) {
  const { adminSocket } = config
  try {
    return await (adminSocket === undefined ? askPort(config) : askSocket(adminSocket))
  } catch (cause) {
    throw new CliError(`ask the control plane at "${placeOf(config)}"`, exitCodes.unreachable, {
      cause,
    })
  }
}
