import { normalChecksum } from '@plexd/protocol'
import { printable } from '@plexd/runtime'
import type { Environment, Intake, NodeMemory, SideStores, State } from '../app.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import { platformOf } from '../mesh/platform.ts'
import { readNodeBinary, type StoredBinary, writeNodeBinary } from '../rows/fleet/node-binaries.ts'
import { readGoodBuilds } from '../rows/trusted-builds.ts'
import { judgeBinary } from './judge.ts'
import { tellMismatch } from './tell-mismatch.ts'

type Place = State & SideStores & Environment

/** A binary as a node names it, with either form of checksum. */
interface SaidBinary {
  version?: string | undefined
  checksum?: string | undefined
}

/**
 * Judges the binary that a node says it runs. Costs nothing while it says the same. A node over its budget of writes is judged
 * with a later call.
 */
export async function noteBinary(
  app: Place & NodeMemory & Intake,
  node: NodeRecord,
  { version, checksum }: SaidBinary,
): Promise<void> {
  // Go nodes may leave either empty.
  if (!version || !checksum) return
  const said = { version: bounded(version), checksum: normalChecksum(bounded(checksum)) }
  const mark = `${said.version} ${said.checksum}`
  const { writes } = app.budgets
  if (app.notes.binaries.of(node.id) === mark || writes.isSpent(node.id)) return
  const before = await readNodeBinary(app.store.reader, node.id)
  if (before?.version !== said.version || before.checksum !== said.checksum)
    writes.charge(node.id, { records: 1 })
  await judgeNode(app, node, said)
  app.notes.binaries.put(node.id, mark)
}

/** Longer than any version and checksum. */
const maxCharacters = 128

/** It is untrusted, and shown to people. */
function bounded(text: string): string {
  return printable(text.slice(0, maxCharacters))
}

/** Judges again what a node said before, or for the first time what it says now; a mismatch is told once. */
export async function judgeNode(
  app: Place,
  node: NodeRecord,
  said?: Pick<StoredBinary, 'version' | 'checksum'>,
): Promise<void> {
  const judged = await app.store.write(async (tx) => {
    const before = await readNodeBinary(tx, node.id)
    const binary = said ?? before
    if (!binary) return undefined
    const builds = await readGoodBuilds(tx, binary.version)
    const state = judgeBinary(binary.checksum, platformOf(node), builds)
    if (before && isSame(before, { ...binary, state })) return { after: before, builds }
    const { version, checksum } = binary
    const told = state !== 'mismatch'
    const after = { version, checksum, state, sinceMs: app.clock.now(), told }
    await writeNodeBinary(tx, node.id, after)
    return { before, after, builds }
  })
  if (!judged) return
  const { before, after, builds } = judged
  if (!after.told) await tellMismatch(app, node, after, builds)
  else if (before?.state === 'mismatch')
    app.log.info('binary is no mismatch any more', {
      node_id: node.id,
      hostname: node.hostname,
      version: after.version,
      state: after.state,
    })
}

function isSame(
  before: StoredBinary,
  { version, checksum, state }: Pick<StoredBinary, 'version' | 'checksum' | 'state'>,
): boolean {
  return before.version === version && before.checksum === checksum && before.state === state
}
