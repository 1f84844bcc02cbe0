import type { Part } from '@plexd/runtime'
import type { Admin } from '../../command.ts'
import type { Open } from '../../connection/open-request.ts'
import { allPages } from '../../context.ts'

/** More nodes than anybody reads; the numbers of all are in `versions.json`. */
const maxNodes = 2_000
const maxItems = 500

/** What the control plane tells this operator of itself and of the fleet. What is refused is its error. */
export function fleetParts(admin: Admin, open: Open): Part[] {
  const answer = (file: string, about: string, operation: PlainOperation): Part => ({
    file,
    about,
    read: async (signal) => (await admin[operation]({ signal })).body,
  })
  return [
    answer('whoami.json', 'whose token this was, with which role', 'whoAmI'),
    {
      file: 'ready.json',
      about: 'whether the control plane can serve, and its warnings',
      read: async (signal) => JSON.parse(await readText(open, '/readyz', signal)),
    },
    {
      file: 'metrics.txt',
      about: 'the metrics of the control plane',
      read: (signal) => readText(open, '/metrics', signal),
    },
    answer(
      'control-planes.json',
      'which control plane serves, and which wait',
      'listControlPlanes',
    ),
    answer('versions.json', 'how many nodes run which version', 'listVersions'),
    answer(
      'settings.json',
      'the settings of the control plane in force, and where each is from',
      'listSettings',
    ),
    {
      file: 'nodes.json',
      about: `the nodes, ${maxNodes} at most`,
      timeoutMs: 60_000,
      read: (signal) => allPages((query) => admin.listNodes({ query, signal }), maxNodes),
    },
    answer('mesh-ranges.json', 'the ranges of the mesh', 'listMeshRanges'),
    {
      file: 'policies.json',
      about: 'the policies',
      read: (signal) => allPages((query) => admin.listPolicies({ query, signal }), maxItems),
    },
    answer('alerts.json', 'what is wrong with nodes now', 'listAlerts'),
    answer('forwards.json', 'how far telemetry is passed on', 'listForwards'),
    answer('signing-keys.json', 'the public keys that sign events', 'listSigningKeys'),
    {
      file: 'runs.json',
      about: 'the newest runs of actions, without parameters',
      read: async (signal) =>
        (await admin.listRuns({ query: { limit: '50' }, signal })).body.items.map(
          withoutParameters,
        ),
    },
  ]
}

/** One that wants to know nothing. */
type PlainOperation =
  | 'whoAmI'
  | 'listVersions'
  | 'listSettings'
  | 'listControlPlanes'
  | 'listMeshRanges'
  | 'listAlerts'
  | 'listForwards'
  | 'listSigningKeys'

function withoutParameters<Run extends object>(run: Run): Run {
  return { ...run, ...('parameters' in run ? { parameters: '[left out]' } : {}) }
}

const maxBytes = 8 * 1024 ** 2

async function readText(open: Open, path: string, signal: AbortSignal): Promise<string> {
  let text = ''
  for await (const chunk of (await open({ method: 'GET', path, signal })).setEncoding('utf8')) {
    text += chunk
    if (text.length > maxBytes) throw new Error(`its answer has more than ${maxBytes} bytes`)
  }
  return text
}
