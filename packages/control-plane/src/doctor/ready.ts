import { CliError, exitCodes, printable } from '@plexd/runtime'
import type { Config } from '../config/config.ts'
import { askPort, askSocket } from './ask.ts'

/**
 * Asks the control plane that runs on this machine what /readyz says: by the socket of operators, which answers also when
 * strangers have filled the port, or by the port without one. Prints the answer; exit code 1 if it is not ready. Throws a
 * CliError (unreachable) if none answers.
 */
export async function tellReady(config: Config, { json }: { json: boolean }): Promise<void> {
  const { status, text } = await ask(config)
  const isReady = status === 200
  const { error, warnings = [] } = JSON.parse(text) as { error?: string; warnings?: string[] } // of our own server
  const words = [isReady ? 'ready' : `not ready: ${error}`, ...warnings].map(printable)
  process.stdout.write(json ? `${text.trim()}\n` : `${words.join('\n')}\n`)
  if (!isReady) process.exitCode = exitCodes.failed
}

async function ask(config: Config) {
  const { adminSocket, listen } = config
  const where = adminSocket ?? `${listen.host}:${listen.port}`
  try {
    return await (adminSocket === undefined ? askPort(config) : askSocket(adminSocket))
  } catch (cause) {
    throw new CliError(`ask the control plane at "${where}"`, exitCodes.unreachable, { cause })
  }
}
