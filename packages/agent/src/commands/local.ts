import { type Client, createClient, type LocalApi, localApi } from '@plexd/protocol'
import { CliError, createUnixTransport, describeError, exitCodes } from '@plexd/runtime'
import { type Flags, loadConfigFor } from './flags.ts'

/** Calls the daemon on this machine; its answers of failure pass, what lies between is explained. */
export async function callLocal<T>(
  flags: Flags,
  call: (client: Client<LocalApi>) => Promise<T>,
): Promise<T> {
  const { socketPath } = await loadConfigFor(flags)
  try {
    return await call(createClient(localApi, createUnixTransport(socketPath)))
  } catch (error) {
    throw explain(error, socketPath)
  }
}

function explain(error: unknown, socketPath: string): unknown {
  const code = (error as NodeJS.ErrnoException).code // errors of sockets carry one
  if (code === 'ENOENT' || code === 'ECONNREFUSED') {
    return new CliError(
      `no daemon answers at "${socketPath}": start it with "plexd up" or "systemctl start plexd", or name its socket with --socket`,
      exitCodes.unreachable,
    )
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new CliError(
      `connect to "${socketPath}": permission denied: run as root, or join the group with "sudo usermod -aG plexd $USER"`,
      exitCodes.denied,
    )
  }
  if (code === undefined) return error
  return new CliError(`connect to "${socketPath}": ${describeError(error)}`, exitCodes.unreachable)
}
