import { createHttpTransport, type HttpTransport } from '@plexd/runtime'
import type { AgentConfig } from '../../config/agent-config.ts'
import { userAgent } from './client.ts'

/** To whoever answers at the address of the control plane: for answers that are checked in another way, and for nothing that is secret. */
export function connectToAnybody({
  apiUrl,
  proxyUrl,
  requestTimeoutMs,
}: Pick<AgentConfig, 'apiUrl' | 'proxyUrl' | 'requestTimeoutMs'>): HttpTransport {
  return createHttpTransport({
    baseUrl: apiUrl,
    proxyUrl,
    trustsAnybody: true,
    userAgent,
    timeoutMs: requestTimeoutMs,
    maxResponseBytes: 256 * 1_024,
  })
}
