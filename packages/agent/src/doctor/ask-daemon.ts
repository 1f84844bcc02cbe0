import { type Client, createClient, type LocalApi, localApi } from '@plexd/protocol'
import { createUnixTransport } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { describeEarlierBuild, isOfEarlierBuild } from '../process/earlier-build.ts'

/** The daemon's answer, or why there is none. */
export async function askDaemon<T>(
  { socketPath }: AgentConfig,
  ask: (client: Client<LocalApi>) => Promise<{ body: T }>,
): Promise<T | Error> {
  try {
    // One that hangs does not answer this either, and is not waited for as long as an answer that takes time.
    await createClient(localApi, createUnixTransport(socketPath, 5_000)).getStatus({})
    const { body } = await ask(createClient(localApi, createUnixTransport(socketPath, 20_000)))
    return body
  } catch (error) {
    if (isOfEarlierBuild(error)) return describeEarlierBuild('ask the daemon', socketPath)
    return error instanceof Error ? error : new Error(String(error))
  }
}

/** The command that brings the mesh back, or if a daemon is running, tells why it is down. */
export async function remedyOfAbsence(config: AgentConfig): Promise<'plexd up' | 'plexd status'> {
  const status = await askDaemon(config, (client) => client.getStatus({}))
  return status instanceof Error ? 'plexd up' : 'plexd status'
}
