import { ApiError, type Client, createClient, type LocalApi, localApi } from '@plexd/protocol'
import {
  CliError,
  createUnixTransport,
  describeError,
  errorCodeOf,
  exitCodes,
  printJson,
  systemClock,
} from '@plexd/runtime'
import { describeEarlierBuild, isOfEarlierBuild } from '../../process/earlier-build.ts'
import { type Flags, type Json, loadConfigFor } from '../given/flags.ts'

/** A command that asks the daemon for one thing, and prints it. `format` gets the time as well. */
export function show<Body>(
  what: string,
  call: (client: Client<LocalApi>) => Promise<{ body: Body }>,
  format: (body: Body, nowMs: number) => string,
  advice = adviceOf,
): (flags: Flags, given: Json) => Promise<void> {
  return async (flags, { json }) => {
    const { body } = await callLocal(flags, what, call, advice)
    if (json) printJson(body)
    else process.stdout.write(format(body, systemClock.now()))
  }
}

export interface LocalCallOptions {
  timeoutMs?: number | undefined
  /** Of the session that this command runs in. */
  token?: string | undefined
}

/** Calls the daemon on this machine. `what` is the action, for error messages. */
export async function callLocal<T>(
  flags: Flags,
  what: string,
  call: (client: Client<LocalApi>) => Promise<T>,
  advice: Readonly<Record<number, string>> = adviceOf,
  { timeoutMs, token }: LocalCallOptions = {},
): Promise<T> {
  const { socketPath } = await loadConfigFor(flags)
  try {
    return await call(
      createClient(localApi, createUnixTransport(socketPath, timeoutMs), () => token),
    )
  } catch (error) {
    if (isOfEarlierBuild(error)) throw describeEarlierBuild(what, socketPath)
    throw error instanceof ApiError
      ? describe(error, what, advice)
      : explain(error, socketPath, advice)
  }
}

function describe(
  error: ApiError,
  what: string,
  advice: Readonly<Record<number, string>>,
): ApiError {
  const { code, status } = error
  return new ApiError(code, `${what}: ${error.message}${advice[status] ?? ''}`, { status })
}

/** The remedy for an error status, unless the command has its own. */
export const adviceOf: Readonly<Record<number, string>> = {
  403: ': run as root, or join the group with "sudo usermod -aG plexd-secrets $USER"',
  404: ': "plexd state" lists what there is',
  409: ': read it again with "plexd state get report KEY --json" and use its version',
  503: ': "plexd status" tells why',
}

/** What to do when the socket may not even be opened. Commands for root alone say so themselves: no group helps there. */
function adviceOfDenied(advice: Readonly<Record<number, string>>): string {
  return advice[403] === adviceOf[403] || advice[403] === ''
    ? ': run as root, or join the group with "sudo usermod -aG plexd $USER"'
    : (advice[403] ?? '')
}

function explain(
  error: unknown,
  socketPath: string,
  advice: Readonly<Record<number, string>>,
): unknown {
  const code = errorCodeOf(error)
  if (code === 'ENOENT' || code === 'ECONNREFUSED') {
    return new CliError(
      `no daemon answers at "${socketPath}": start it with "plexd up" or "systemctl start plexd", or name its socket with --socket`,
      exitCodes.unreachable,
    )
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new CliError(
      `connect to "${socketPath}": permission denied${adviceOfDenied(advice)}`,
      exitCodes.denied,
    )
  }
  if (code === 'ETIMEDOUT')
    return new CliError(
      `the daemon at "${socketPath}" gives ${describeError(error)}: it may be stopped: look at its state with "ps -o pid,stat,args -C node", restart it with "systemctl restart plexd"`,
      exitCodes.unreachable,
    )
  if (code === undefined) return error
  return new CliError(`connect to "${socketPath}": ${describeError(error)}`, exitCodes.unreachable)
}
