import { CliError, describeError } from '@plexd/runtime'
import type { FastifyInstance } from 'fastify'

/** Serves on an address; throws a CliError that names it, and the option that chooses another. */
export async function listenOn(
  server: FastifyInstance,
  address: { host: string; port: number; backlog?: number },
  option: string,
): Promise<void> {
  try {
    await server.listen(address)
  } catch (error) {
    throw new CliError(
      `serve on host "${address.host}", port ${address.port}: ${describeError(error)}: end what serves there, or choose another with ${option}`,
    )
  }
}
