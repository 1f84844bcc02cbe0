import {
  controlApi,
  createClient,
  InstallationProof,
  importVerifyKey,
  isProof,
  newChallenge,
} from '@plexd/protocol'
import { createHttpTransport, proxyFor } from '@plexd/runtime'
import { Check } from 'typebox/value'
import type { AgentConfig } from '../config/agent-config.ts'
import { userAgent } from '../control/client/client.ts'
import type { Sight } from './choose-address.ts'

export interface Asking {
  config: Pick<AgentConfig, 'caFile' | 'requestTimeoutMs'>
  env: NodeJS.ProcessEnv
  /** That verify a proof. */
  keys: readonly string[]
  signal: AbortSignal
}

/**
 * Who is at an address: over TLS with a certificate that this node trusts, and by a proof. No credential is sent. Rejects, with the
 * reason, unless it is our installation.
 */
export async function askInstallation(
  url: string,
  { config, env, keys, signal }: Asking,
): Promise<Required<Sight>> {
  using transport = createHttpTransport({
    baseUrl: url,
    ...(config.caFile === undefined ? {} : { caFile: config.caFile }),
    proxyUrl: proxyFor(url, env),
    userAgent,
    timeoutMs: Math.min(config.requestTimeoutMs, maxWaitMs),
    maxResponseBytes: 256 * 1_024,
  })
  const challenge = newChallenge()
  const { body } = await createClient(controlApi, transport).proveInstallation({
    query: { challenge },
    signal,
  })
  const known = await Promise.all(keys.map(importVerifyKey))
  if (!Check(InstallationProof, body) || !(await isProof(body, challenge, known)))
    throw new Error('what answers there is another installation, or none of plexd')
  return { life: body.life }
}

/** A node that has lost its control plane asks several addresses in turn. */
const maxWaitMs = 10_000
