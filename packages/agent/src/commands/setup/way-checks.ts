import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { connect, isIP } from 'node:net'
import {
  describeError,
  ExecError,
  exec,
  type Finding,
  failed,
  type NamedFinding,
  ok,
  systemClock,
} from '@plexd/runtime'
import type { AgentConfig } from '../../config/agent-config.ts'
import { connectToAnybody } from '../../control/client/to-anybody.ts'
import { describeClock } from '../../doctor/control-plane-check.ts'
import { askNames } from '../../process/getent.ts'

type Place = Pick<AgentConfig, 'apiUrl' | 'proxyUrl'>

/** The ways to the addresses of the control plane, of which one has to be open. */
export async function* checkWays(places: readonly Place[]): AsyncGenerator<NamedFinding> {
  let isOpen = false
  for (const [at, place] of places.entries()) {
    const findings = await Array.fromAsync(checkWay(place))
    isOpen ||= findings.every(({ state }) => state !== 'failed')
    const mayFail = isOpen || at < places.length - 1
    yield* mayFail ? findings.map(asWarning) : findings
  }
}

/** Another address is open, or is looked at yet. */
function asWarning(finding: NamedFinding): NamedFinding {
  return finding.state === 'failed' ? { ...finding, state: 'warning' } : finding
}

/**
 * The way to one, one step after the other, and nothing after a step that failed. Nothing secret is sent, and
 * whoever answers is not trusted yet: that is for the enrolment.
 */
async function* checkWay(place: Place): AsyncGenerator<NamedFinding> {
  const steps = place.proxyUrl === undefined ? [...direct, clock] : [clock]
  for (const { check, run } of steps) {
    const finding = await run(place)
    yield { check, ...finding }
    if (finding.state === 'failed') return
  }
}

interface Step {
  check: string
  run(place: Place): Promise<Finding>
}

const direct: readonly Step[] = [
  { check: 'name', run: checkName },
  { check: 'port', run: checkPort },
]

const clock: Step = { check: 'clock', run: checkClock }

/** How long a step may take. */
const patienceMs = 10_000

async function checkName({ apiUrl }: Place): Promise<Finding> {
  const { host } = placeOf(apiUrl)
  if (isIP(host)) return ok(`${host} is an address`)
  try {
    return ok(`${host} is ${(await addressesOf(host)).join(', ')}`)
  } catch (error) {
    return failed(`${host}: ${describeError(error)}`, `getent ahosts ${host}`)
  }
}

/**
 * By a program of its own: a look-up in this one cannot be ended, and with servers that are silent it takes minutes, after which this program
 * could end at last. Without getent there is no other way.
 */
export async function addressesOf(host: string, run = exec): Promise<string[]> {
  try {
    const lines = await askNames(['ahosts', host], { run, timeoutMs: patienceMs })
    if (lines === undefined) throw new Error('no server of names knows it')
    return [...new Set(lines.match(/^\S+/gm))]
  } catch (error) {
    if (!(error instanceof ExecError && error.missing)) throw error
    return (await lookup(host, { all: true })).map(({ address }) => address)
  }
}

async function checkPort({ apiUrl }: Place): Promise<Finding> {
  const { host, port } = placeOf(apiUrl)
  const socket = connect({ host, port })
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(patienceMs) })
    return ok(`TCP port ${port} of ${host} is open`)
  } catch (error) {
    const isLate = error instanceof Error && error.name === 'AbortError'
    const why = isLate ? `no answer within ${patienceMs / 1_000} s` : describeError(error)
    return failed(
      `TCP port ${port} of ${host}: ${why}`,
      'start the control plane there, or open the port in the firewalls in between',
    )
  } finally {
    socket.destroy()
  }
}

/** A clock that is off makes certificates invalid, and events too old. */
async function checkClock({ apiUrl, proxyUrl }: Place): Promise<Finding> {
  using transport = connectToAnybody({ apiUrl, proxyUrl, requestTimeoutMs: patienceMs })
  try {
    const { headers } = await transport({ method: 'GET', path: '/healthz', headers: {} })
    return describeClock(apiUrl, Date.parse(headers.date ?? '') - systemClock.now())
  } catch (error) {
    return failed(`${apiUrl}: ${describeError(error)}`, `curl -v ${apiUrl}/healthz`)
  }
}

function placeOf(apiUrl: string): { host: string; port: number } {
  const { hostname, port, protocol } = new URL(apiUrl)
  const standard = protocol === 'http:' ? 80 : 443
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? standard : Number(port) }
}
