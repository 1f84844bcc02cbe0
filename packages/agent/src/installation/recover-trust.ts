import { controlApi, InstallationProof, newChallenge } from '@plexd/protocol'
import { describeError, type Log } from '@plexd/runtime'
import { Check } from 'typebox/value'
import type { AgentConfig } from '../config/agent-config.ts'
import { placesOf } from '../config/places.ts'
import type { AnswerGate } from '../control/client/answer-gate.ts'
import { isTrustFailure } from '../control/client/failure.ts'
import { connectToAnybody } from '../control/client/to-anybody.ts'
import { startRounds } from '../process/task.ts'
import type { Installation } from './installation.ts'

type Config = Pick<AgentConfig, 'apiUrl' | 'proxyUrl' | 'requestTimeoutMs'> &
  Partial<Pick<AgentConfig, 'otherPlaces'>>

interface Deps {
  config: Config
  installation: Pick<Installation, 'received'>
  gate: Pick<AnswerGate, 'failure'>
  /** That verify an announcement. */
  keys(): readonly string[]
  clock: Parameters<typeof startRounds>[0]['clock']
  log: Log
}

const lookMs = 10_000

/**
 * A node that was away while the authority was replaced trusts no certificate any more that it is shown. It asks whoever answers for
 * the announcement of its control plane: that is signed, so that it does not matter who brings it. Nothing else of the answer
 * counts, and no credential is sent.
 */
export function startRecoveringTrust(deps: Deps): AsyncDisposable {
  const { config, installation, gate, clock, log } = deps
  return startRounds({ clock, ms: lookMs }, async (signal) => {
    if (!isTrustFailure(gate.failure())) return
    try {
      const announcement = await fetchAnnouncement(config, signal)
      if (announcement !== undefined) await installation.received(announcement, deps.keys())
    } catch (error) {
      signal.throwIfAborted()
      log.debug('no announcement to be had', { error: describeError(error) })
    }
  })
}

/** The first that is to be had at one of the addresses. */
async function fetchAnnouncement(config: Config, signal: AbortSignal): Promise<unknown> {
  const { requestTimeoutMs } = config
  const [first, ...others] = placesOf(config)
  let found = askFor({ ...config, ...first }, signal)
  for (const place of others)
    found = found.catch(() => askFor({ ...place, requestTimeoutMs }, signal))
  return await found
}

async function askFor(place: Config, signal: AbortSignal): Promise<unknown> {
  using transport = connectToAnybody(place)
  const { body } = await transport({
    method: 'GET',
    path: `${controlApi.proveInstallation.path}?challenge=${newChallenge()}`,
    headers: {},
    signal,
  })
  const answer: unknown = JSON.parse(body)
  return Check(InstallationProof, answer) ? answer.announcement : undefined
}
