import { isDeepStrictEqual as isSame } from 'node:util'
import type { Metadata } from '@plexd/protocol'
import type { Unit } from '../change.ts'
import { changeNode } from '../changes/nodes.ts'
import type { Limits } from '../limits.ts'
import type { Fleet, NodeRecord } from '../mesh/fleet.ts'
import { readAllUnconfirmed, readUnconfirmedOf } from '../rows/fleet/node-lookups.ts'
import { putNode } from '../rows/fleet/nodes.ts'
import type { Reader } from '../store/db.ts'
import { boundMetadata } from './labels.ts'

/**
 * Labels from before operators' labels and reported metadata were separate: they remain labels until
 * an operator confirms or drops them.
 */
export interface UnconfirmedNode {
  node: NodeRecord
  keys: readonly string[]
}

/** In the order of registration. */
export async function readUnconfirmed(reader: Reader, fleet: Fleet): Promise<UnconfirmedNode[]> {
  const all = await readAllUnconfirmed(reader)
  return all.flatMap(({ id, keys }) => {
    const node = fleet.node(id)
    return node ? [{ node, keys }] : []
  })
}

/** Replaces a node's labels; if they are unchanged, nobody is told. */
export async function putLabels(
  unit: Unit,
  node: NodeRecord,
  now: { labels: Metadata; reported?: Metadata; unconfirmed: readonly string[] },
): Promise<void> {
  const { labels, reported = node.reported, unconfirmed } = now
  const rowOnly = { labels_unconfirmed: unconfirmed }
  if (isSame(node.labels, labels) && isSame(node.reported, reported))
    await putNode(unit, node, rowOnly)
  else await changeNode(unit, { ...node, labels, reported }, rowOnly)
}

/** Confirms the given keys, or all: operators set them. */
export async function confirm(unit: Unit, node: NodeRecord, keys?: readonly string[]) {
  const { unconfirmed } = await split(unit, node, keys)
  await putLabels(unit, node, { labels: node.labels, unconfirmed })
}

/** Drops the keys: they become reported metadata, within its limits. */
export async function drop(
  unit: Unit,
  node: NodeRecord,
  { keys, limits }: { keys: readonly string[]; limits: Limits },
): Promise<void> {
  const { meant, unconfirmed } = await split(unit, node, keys)
  const isMeant = ([key]: [string, string]): boolean => meant.includes(key)
  const labels = Object.entries(node.labels)
  const said = [...Object.entries(node.reported), ...labels.filter(isMeant)]
  await putLabels(unit, node, {
    labels: Object.fromEntries(labels.filter((label) => !isMeant(label))),
    reported: boundMetadata(said, limits).kept,
    unconfirmed,
  })
}

async function split(unit: Unit, node: NodeRecord, keys?: readonly string[]) {
  const all = await readUnconfirmedOf(unit.tx, node.id)
  const meant = all.filter((key) => keys === undefined || keys.includes(key))
  return { meant, unconfirmed: all.filter((key) => !meant.includes(key)) }
}
