import { type Client, createClient, type LocalApi, localApi } from '@plexd/protocol'
import { createUnixTransport, describeError, type Part, readJournal } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'

/** Calls the daemon, unless it left the first call of all without an answer: then nobody waits for it again. */
export type AskDaemon = <Body>(
  call: (client: Client<LocalApi>) => Promise<{ body: Body }>,
) => Promise<Body>

export function createAskDaemon({ socketPath }: Pick<AgentConfig, 'socketPath'>): AskDaemon {
  let first: Promise<unknown> | undefined
  return async (call) => {
    first ??= clientAt(socketPath, 5_000).getStatus({})
    await first
    return (await call(clientAt(socketPath, 20_000))).body
  }
}

/** What the daemon says, if it says anything. */
export function daemonParts(ask: AskDaemon): Part[] {
  return [
    {
      file: 'status.json',
      about: 'what the daemon says of itself: control plane, queues, telemetry, upgrade, problems',
      read: (signal) => ask((client) => client.getStatus({ signal })),
    },
    {
      file: 'peers.json',
      about: 'how each peer is reached',
      read: (signal) => ask((client) => client.listPeers({ signal })),
    },
    {
      file: 'policies.json',
      about: 'the rules in force, with what each decided',
      read: (signal) => ask((client) => client.listPolicies({ signal })),
    },
    {
      file: 'netcheck.json',
      about: 'how the node is seen from the internet',
      timeoutMs: 15_000,
      read: (signal) => ask((client) => client.checkNetwork({ signal })),
    },
    {
      file: 'keys.json',
      about: 'the keys of what the node holds, without a value',
      async read(signal) {
        const { metadata, ...keys } = await ask((client) => client.getLocalState({ signal }))
        return { metadata_keys: Object.keys(metadata), ...keys }
      },
    },
  ]
}

/** From the journal, or else what the daemon has kept in memory. */
export function logPart(ask: AskDaemon, sinceMs: number): Part {
  return {
    file: 'log.txt',
    about: "plexd's own log",
    timeoutMs: 20_000,
    async read(signal) {
      try {
        return await readJournal('plexd.service', sinceMs, signal)
      } catch (error) {
        return await askForLog(ask, { sinceMs, signal }).catch((cause: unknown) => {
          throw new Error(`${describeError(error)}; the daemon: ${describeError(cause)}`)
        })
      }
    },
  }
}

async function askForLog(
  ask: AskDaemon,
  { sinceMs, signal }: { sinceMs: number; signal: AbortSignal },
): Promise<string> {
  const parameters = { lines: '5000', since: new Date(sinceMs).toISOString() }
  const run = { action: 'logs.snapshot', parameters }
  const result = await ask((client) => client.runAction({ body: run, signal }))
  if (result.status !== 'success')
    throw new Error(`its log: ${result.status}: ${result.stderr ?? ''}`)
  return result.stdout ?? ''
}

function clientAt(socketPath: string, timeoutMs: number): Client<LocalApi> {
  return createClient(localApi, createUnixTransport(socketPath, timeoutMs))
}
