import type { NodeDetail } from '@plexd/protocol'
import type { Admin } from '../../command.ts'

/** What only the control plane can name. */
export type Noun =
  | 'node'
  /** A node, behind `LOGIN@` if that has been typed. */
  | 'place'
  /** The same before a path on it. */
  | 'remote'
  | 'action'
  | 'policy'
  | 'data'
  | 'secret'
  | 'report'
  | 'run'
  | 'schedule'
  | 'session'
  | 'alert_rule'
  | 'alert_webhook'

interface Asked {
  /** The arguments in front of the cursor; for the nouns of a node, the node is the first. */
  operands: readonly string[]
  /** What has been typed of the name. */
  start: string
  signal: AbortSignal
}

const query = { limit: '1000' }

const sources: Readonly<Record<Noun, (admin: Admin, asked: Asked) => Promise<string[]>>> = {
  node: nodesOf,
  place: placesOf,
  // A path is more likely where nothing has been typed.
  remote: async (admin, asked) =>
    asked.start === '' ? [] : (await placesOf(admin, asked)).map((place) => `${place}:`),
  action: async (admin, { operands: [node = ''], signal }) =>
    actionsOf((await admin.getNode({ params: { node }, signal })).body),
  policy: async (admin, { signal }) =>
    (await admin.listPolicies({ query, signal })).body.items.map(({ name }) => name),
  data: async (admin, { signal }) => keysOf(await admin.listData({ query, signal })),
  secret: async (admin, { signal }) => keysOf(await admin.listSecrets({ query, signal })),
  report: async (admin, { operands: [node = ''], signal }) =>
    keysOf(await admin.listReports({ params: { node }, query, signal })),
  run: async (admin, { signal }) =>
    (await admin.listRuns({ query, signal })).body.items.map(({ id }) => id),
  schedule: async (admin, { signal }) =>
    (await admin.listSchedules({ query, signal })).body.items.map(({ name }) => name),
  session: async (admin, { signal }) =>
    (await admin.listSessions({ query, signal })).body.items.map(({ id }) => id),
  alert_rule: async (admin, { signal }) =>
    (await admin.listAlertRules({ signal })).body.items.map(({ name }) => name),
  alert_webhook: async (admin, { signal }) =>
    (await admin.listAlertWebhooks({ signal })).body.items.map(({ name }) => name),
}

/** The names of the first page that begin with `start`. Rejects when the control plane does not answer. */
export async function readNames(admin: Admin, noun: Noun, asked: Asked): Promise<string[]> {
  const names = await sources[noun](admin, asked)
  return [...new Set(names)].filter((name) => name.startsWith(asked.start) && isPlainWord(name))
}

async function nodesOf(admin: Admin, { start, signal }: Asked): Promise<string[]> {
  const { body } = await admin.listNodes({ query, signal })
  return body.items.map(({ hostname, id }) => (start.startsWith('n_') ? id : hostname))
}

async function placesOf(admin: Admin, { start, ...asked }: Asked): Promise<string[]> {
  const login = start.slice(0, start.lastIndexOf('@') + 1)
  const nodes = await nodesOf(admin, { ...asked, start: start.slice(login.length) })
  return nodes.map((node) => `${login}${node}`)
}

function actionsOf({ capabilities }: NodeDetail): string[] {
  const { builtin_actions, hooks } = capabilities ?? {}
  return [...(builtin_actions ?? []), ...(hooks ?? [])].map(({ name }) => name)
}

/** A key occurs once for each of its targets. */
function keysOf({ body }: { body: { items: readonly { key: string }[] } }): string[] {
  return body.items.map(({ key }) => key)
}

/** Nodes choose their hostnames and the keys of their reports, and a shell runs what it completes. */
function isPlainWord(name: string): boolean {
  return /^([A-Za-z_][\w-]*@)?[A-Za-z0-9][A-Za-z0-9._/-]*:?$/.test(name)
}
