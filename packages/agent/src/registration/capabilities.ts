import { createHash } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import {
  type Capabilities,
  type Client,
  type ControlApi,
  formatDuration,
  type SessionSupport,
} from '@plexd/protocol'
import type { Action } from '../actions/define.ts'
import type { AnswerGate } from '../control/client/answer-gate.ts'
import { type Delivery, type DeliveryDeps, startDelivery } from '../control/delivery.ts'
import { createMark } from '../disk/mark.ts'
import { binaryChecksum, version } from '../version.ts'

type Binary = NonNullable<Capabilities['binary']>

/** Takes as long as reading the program's file, for its checksum. */
export async function describeBinary(): Promise<Binary> {
  return { version, checksum: await binaryChecksum() }
}

export interface Abilities {
  actions: readonly Action[]
  /** How many of them the control plane may ask for at a time. */
  maxConcurrent: number
  /** How long any of them may run. */
  maxActionMs: number
  /** Undefined if none can be opened. */
  sessions: SessionSupport | undefined
  /** Where it serves metrics to Prometheus, if it does. */
  metricsListen?: string | undefined
}

export function describeCapabilities(
  binary: Binary,
  { actions, maxConcurrent, maxActionMs, sessions, metricsListen }: Abilities,
): Capabilities {
  const of = (wanted: Action['type']) => actions.filter(({ type }) => type === wanted)
  return {
    binary,
    builtin_actions: of('builtin').map(describeAction),
    hooks: of('hook').map((hook) => ({
      ...describeAction(hook),
      source: 'script',
      ...(hook.checksum === undefined ? {} : { checksum: hook.checksum }),
      ...(hook.sandbox === undefined ? {} : { sandbox: hook.sandbox }),
    })),
    max_concurrent: maxConcurrent,
    max_timeout: formatDuration(maxActionMs),
    ...(sessions ? { sessions } : {}),
    ...(metricsListen === undefined ? {} : { metrics: { listen: metricsListen } }),
  }
}

function describeAction({ name, description, parameters, timeoutMs }: Action) {
  return {
    name,
    description,
    parameters: [...parameters],
    timeout: formatDuration(timeoutMs),
  }
}

/** The capabilities that were last sent to the control plane. */
export interface CapabilityMark {
  isSent(capabilities: Capabilities): boolean
  setSent(capabilities: Capabilities): void
}

/** `life` is the run of the control plane that answers: the next one may start from a backup with other capabilities. */
export function createCapabilityMark(
  database: DatabaseSync,
  life: AnswerGate['life'],
): CapabilityMark {
  const mark = createMark(database, 'capabilities')
  return {
    isSent(capabilities) {
      const [sent, to] = mark.read()?.split(' ') ?? []
      return sent === digest(capabilities) && (life() === '' || life() === to)
    },
    setSent: (capabilities) => mark.write(`${digest(capabilities)} ${life()}`),
  }
}

/** Half of the limit for a registration. */
const maxRegistrationBytes = 32 * 1024

/** The capabilities to register with: only the binary if all are too long; the rest follows by PUT. */
export function atRegistration(capabilities: Capabilities): Capabilities {
  if (Buffer.byteLength(JSON.stringify(capabilities)) <= maxRegistrationBytes) return capabilities
  return capabilities.binary ? { binary: capabilities.binary } : {}
}

/** Sends the capabilities if they have changed since they were last sent, and once to each run of the control plane. */
export function startCapabilitySync(
  describe: () => Capabilities,
  mark: CapabilityMark,
  deps: DeliveryDeps & { client: Pick<Client<ControlApi>, 'putCapabilities'>; nodeId: string },
): Delivery {
  const { client, nodeId } = deps
  return startDelivery<Capabilities>(
    {
      name: 'capabilities',
      next() {
        const capabilities = describe()
        return mark.isSent(capabilities) ? [] : [capabilities]
      },
      idOf: () => 'capabilities',
      send: ([body = {}], signal) =>
        client.putCapabilities({ params: { node_id: nodeId }, body, signal }),
      remove: ([sent = {}]) => mark.setSent(sent),
    },
    deps,
  )
}

function digest(capabilities: Capabilities): string {
  return createHash('sha256').update(JSON.stringify(capabilities)).digest('hex')
}
