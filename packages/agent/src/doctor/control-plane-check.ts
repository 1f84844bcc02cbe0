import { errorOf, formOf, notServing, type TransportResponse } from '@plexd/protocol'
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
import { placesOf } from '../config/places.ts'
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
  if (config.apiUrl === '') return (await asTheDaemonSays(config)) ?? unnamed
  const places = placesOf(config)
  // Of several, one that lives may wait for its turn.
  const path = places.length > 1 ? '/readyz' : '/healthz'
  return oneOf(await Promise.all(places.map((place) => checkAddress({ ...config, ...place }, path))))
}

/** One address that answers is enough; what is wrong with the others is said, and that one waits for its turn is not wrong. */
function oneOf(findings: readonly Finding[]): Finding {
  const detail = findings.map((finding) => finding.detail).join('; ')
  const answers = findings.some(({ state }) => state === 'ok')
  const wrong = findings.filter((each) => each.state !== 'ok')
  const worst =
    wrong.find(({ state }) => state === 'failed') ??
    wrong.find(({ remedy }) => !answers || remedy !== turnRemedy)
  if (worst === undefined) return ok(detail)
  const mayGoOn = findings.some(({ state }) => state !== 'failed')
  return mayGoOn ? warning(detail, worst.remedy) : failed(detail, worst.remedy)
}

type Address = Pick<AgentConfig, 'apiUrl' | 'proxyUrl' | 'caFile'>

async function checkAddress(config: Address, path: string): Promise<Finding> {
  const { apiUrl, caFile } = config
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
    const answer = await transport({ method: 'GET', path, headers: {} })
    if (formOf(answer) === 'html') return failed(new ForeignAnswer(answer).message, wayRemedy)
    if (notServing(answer)) return notItsTurn(apiUrl, answer)
    const { status, headers } = answer
    if (status !== 200)
      return warning(`"${apiUrl}" answers ${status} to ${path}`, 'ask who runs it')
    return describeClock(describePlace(config), Date.parse(headers.date ?? '') - startedMs)
  } catch (error) {
    const fault = certificateFault(error, config)
    if (fault) return failed(fault.detail, fault.remedy)
    return failed(
      `${describePlace(config)}: ${describeError(error)}`,
      `curl -v ${caFile ? `--cacert ${caFile} ` : ''}${apiUrl}${path}`,
    )
  }
}

/** It is there, and another one serves. */
function notItsTurn(apiUrl: string, answer: TransportResponse): Finding {
  return warning(`"${apiUrl}": ${errorOf(answer).message}`, turnRemedy)
}

const turnRemedy = 'look for the control plane that serves, and name its address beside this one'

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
