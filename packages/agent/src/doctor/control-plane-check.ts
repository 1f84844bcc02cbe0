import { formOf } from '@plexd/protocol'
import {
  type Check,
  createHttpTransport,
  describeError,
  type Finding,
  failed,
  ok,
  systemClock,
  warning,
} from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { userAgent } from '../control/client/client.ts'
import { certificateFault, describePlace, ForeignAnswer } from '../control/client/failure.ts'
import { askDaemon } from './ask-daemon.ts'

export const controlPlaneCheck: Check<AgentConfig> = {
  name: 'control plane',
  run: checkControlPlane,
}

/** Events older or newer than this are refused. */
const tolerableSkewMs = 60_000

async function checkControlPlane(config: AgentConfig): Promise<Finding> {
  const { apiUrl, caFile } = config
  if (apiUrl === '') return (await asTheDaemonSays(config)) ?? unnamed
  try {
    using transport = createHttpTransport({
      baseUrl: apiUrl,
      proxyUrl: config.proxyUrl,
      stepMs: 4_000,
      ...(caFile ? { caFile } : {}),
      userAgent,
      timeoutMs: 5_000,
    })
    const startedMs = systemClock.now()
    const answer = await transport({ method: 'GET', path: '/healthz', headers: {} })
    if (formOf(answer) === 'html') return failed(new ForeignAnswer(answer).message, wayRemedy)
    const { status, headers } = answer
    if (status !== 200)
      return warning(`"${apiUrl}" answers ${status} to /healthz`, 'ask who runs it')
    return describeClock(describePlace(config), Date.parse(headers.date ?? '') - startedMs)
  } catch (error) {
    const fault = certificateFault(error, config)
    if (fault) return failed(fault.detail, fault.remedy)
    return failed(
      `${describePlace(config)}: ${describeError(error)}`,
      `curl -v ${caFile ? `--cacert ${caFile} ` : ''}${apiUrl}/healthz`,
    )
  }
}

const wayRemedy =
  'look at what stands between this machine and the control plane: a proxy, a balancer, a login page'

const unnamed = failed('none is named', 'give --api https://HOST:PORT, or "api:" in the config')

/** Only root can read the node's settings; for other users the daemon knows. */
async function asTheDaemonSays(config: AgentConfig): Promise<Finding | undefined> {
  const status = await askDaemon(config, (client) => client.getStatus({}))
  if (status instanceof Error) return undefined
  const { url, stream } = status.control_plane
  if (stream === 'connected') return ok(`${url} answers the daemon`)
  return failed(`${url}: the event stream of the daemon is ${stream}`, 'plexd status')
}

/** `skewMs`: how far the clock of the control plane is ahead; NaN if it did not say. */
export function describeClock(place: string, skewMs: number): Finding {
  if (!(Math.abs(skewMs) > tolerableSkewMs)) return ok(`${place} answers`)
  return failed(
    `${place} answers, but its clock is ${Math.round(skewMs / 1_000)} s from ours`,
    'timedatectl set-ntp true',
  )
}
