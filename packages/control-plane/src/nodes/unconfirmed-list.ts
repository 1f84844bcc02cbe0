import type { LabelUse, Metadata, UnconfirmedLabel } from '@plexd/protocol'
import type { Log } from '@plexd/runtime'
import { targetView } from '../entries/target.ts'
import type { EntryKind } from '../mesh/entry-scope.ts'
import type { Fleet, NodeRecord } from '../mesh/fleet.ts'
import { type SelectorUse, selectorUse, usesThatChange } from '../mesh/labels/label-uses.ts'
import { readSizes } from '../rows/entries.ts'
import type { Reader } from '../store/db.ts'
import { readUnconfirmed, type UnconfirmedNode } from './unconfirmed.ts'

/** The maximum number of uses and nodes shown per label. */
const shown = 100

/** A tenant's unconfirmed labels by key, and what would change without each. */
export async function listUnconfirmed(
  { reader, fleet }: { reader: Reader; fleet: Fleet },
  tenantId: string,
): Promise<UnconfirmedLabel[]> {
  const all = await readUnconfirmed(reader, fleet)
  const byKey = nodesByKey(all.filter(({ node }) => node.tenant_id === tenantId))
  if (byKey.size === 0) return []
  const uses = [...usesInPolicies(fleet, tenantId), ...(await usesInEntries(reader, tenantId))]
  return [...byKey]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, nodes]) => describe(key, nodes, uses))
}

/** In a single pass: before there were limits, a node could report thousands of keys. */
function nodesByKey(all: readonly UnconfirmedNode[]): Map<string, NodeRecord[]> {
  const byKey = new Map<string, NodeRecord[]>()
  for (const { node, keys } of all) for (const key of keys) byKey.getOrInsert(key, []).push(node)
  return byKey
}

function describe(
  key: string,
  nodes: readonly NodeRecord[],
  uses: readonly SelectorUse[],
): UnconfirmedLabel {
  return {
    key,
    nodes: nodes.length,
    hostnames: nodes.slice(0, shown).map(({ hostname }) => hostname),
    values: [...new Set(nodes.flatMap(({ labels }) => valueIn(labels, key)))].slice(0, shown),
    changes: usesThatChange(key, nodes, uses),
  }
}

/** As much of it as is shown. */
function valueIn(labels: Readonly<Metadata>, key: string): string[] {
  return Object.hasOwn(labels, key) ? [(labels[key] ?? '').slice(0, shown)] : []
}

function usesInPolicies(fleet: Fleet, tenantId: string): SelectorUse[] {
  return fleet
    .policies(tenantId)
    .flatMap(({ name, rules }) =>
      rules.flatMap(({ from, to, action }, rule) =>
        [from, to].flatMap((selector) =>
          selectorUse({ kind: 'policy', name, rule, action, selector }),
        ),
      ),
    )
}

async function usesInEntries(reader: Reader, tenantId: string): Promise<SelectorUse[]> {
  const usesOf = async (kind: EntryKind) =>
    (await readSizes(reader, kind, tenantId)).flatMap(({ key, target }) => {
      const { selector } = targetView(target)
      return selector === undefined ? [] : selectorUse({ kind, name: key, selector })
    })
  return [...(await usesOf('data')), ...(await usesOf('secret'))]
}

/** Nobody reads more lines than this at a start. */
const maxLines = 200

/** Logs them at each start, until an operator has confirmed or dropped them. */
export async function warnOfUnconfirmed(
  sources: { reader: Reader; fleet: Fleet },
  log: Log,
): Promise<void> {
  const tenants = new Set(Array.from(sources.fleet.allNodes(), ({ tenant_id }) => tenant_id))
  for (const tenantId of tenants) {
    const labels = await listUnconfirmed(sources, tenantId)
    if (labels.length === 0) continue
    log.warn('labels that nodes may have set themselves wait to be confirmed', {
      tenant_id: tenantId,
      labels: labels.length,
      keys: labels.slice(0, shown).map(({ key }) => key.slice(0, 64)),
      remedy: 'see "plexctl node label unconfirmed", then "confirm" or "drop" them',
    })
    const changes = labels.flatMap(({ key, changes }) => changes.map((use) => ({ key, use })))
    for (const { key, use } of changes.sort(denyFirst).slice(0, maxLines))
      log.warn('would have other nodes without an unconfirmed label', {
        label: key.slice(0, 64),
        ...use,
      })
    if (changes.length > maxLines)
      log.warn('and more that would have other nodes', { more: changes.length - maxLines })
  }
}

function denyFirst(a: { use: LabelUse }, b: { use: LabelUse }): number {
  return Number(b.use.action === 'deny') - Number(a.use.action === 'deny')
}
