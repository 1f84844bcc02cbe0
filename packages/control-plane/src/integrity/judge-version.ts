import type { Environment, SideStores, State } from '../app.ts'
import { readIdsRunning } from '../rows/fleet/node-binaries.ts'
import { judgeNode } from './note-binary.ts'

/** Judges all nodes anew that run a version, after other builds of it are good than before. */
export async function judgeVersion(
  app: State & SideStores & Environment,
  version: string,
): Promise<void> {
  const ids = await readIdsRunning(app.store.reader, version)
  for (let at = 0; at < ids.length; at += atOnce)
    await Promise.all(
      ids.slice(at, at + atOnce).map(async (id) => {
        const node = app.fleet.node(id)
        if (node) await judgeNode(app, node)
      }),
    )
}

/** These share a transaction. */
const atOnce = 100
