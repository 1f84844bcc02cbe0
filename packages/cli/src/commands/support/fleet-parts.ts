import type { Part } from '@plexd/runtime'
import type { Admin } from '../../command.ts'
import type { Open } from '../../connection/open-request.ts'
import { allPages } from '../../context.ts'

/** More nodes than anybody reads; the numbers of all are in `versions.json`. */
const maxNodes = 2_000
const maxItems = 500

/** What the control plane tells this operator of itself and of the fleet. What is refused is its error. */
export function fleetParts(admin: Admin, open: Open): Part[] {
  return [
    {
      file: 'whoami.json',
      about: 'whose token this was, with which role',
      read: async (signal) => (await admin.whoAmI({ signal })).body,
    },
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
    {
      file: 'versions.json',
      about: 'how many nodes run which version',
      read: async (signal) => (await admin.listVersions({ signal })).body,
    },
    {
      file: 'settings.json',
      about: 'the settings of the control plane in force, and where each is from',
      read: async (signal) => (await admin.listSettings({ signal })).body,
    },
    {
      file: 'nodes.json',
      about: `the nodes, ${maxNodes} at most`,
      timeoutMs: 60_000,
      read: (signal) => allPages((query) => admin.listNodes({ query, signal }), maxNodes),
    },
    {
      file: 'mesh-ranges.json',
      about: 'the ranges of the mesh',
      read: async (signal) => (await admin.listMeshRanges({ signal })).body,
    },
    {
      file: 'policies.json',
      about: 'the policies',
      read: (signal) => allPages((query) => admin.listPolicies({ query, signal }), maxItems),
    },
    {
      file: 'alerts.json',
      about: 'what is wrong with nodes now',
      read: async (signal) => (await admin.listAlerts({ signal })).body,
    },
    {
      file: 'forwards.json',
      about: 'how far telemetry is passed on',
      read: async (signal) => (await admin.listForwards({ signal })).body,
    },
    {
      file: 'signing-keys.json',
      about: 'the public keys that sign events',
      read: async (signal) => (await admin.listSigningKeys({ signal })).body,
    },
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
