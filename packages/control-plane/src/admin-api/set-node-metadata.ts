import { ApiError, adminApi } from '@plexd/protocol'
import { changeNode } from '../announce.ts'
import { handle } from '../handle.ts'
import { checkLabels } from '../nodes/labels.ts'
import { nodeDetail } from '../nodes/view.ts'
import { readNodeRow } from '../store/nodes.ts'
import { findNode } from './find-node.ts'

/** What is set wins over what is removed. Labels as they were before change nothing and tell nobody. */
export const setNodeMetadata = handle(
  adminApi.setNodeMetadata,
  async ({ principal, params, body }, app) => {
    const id = await app.change(async (unit) => {
      const node = findNode(unit.fleet, principal, params.node)
      const kept = Object.fromEntries(
        Object.entries(node.metadata).filter(([key]) => !body.remove?.includes(key)),
      )
      checkLabels(body.set ?? {}, kept)
      const metadata = { ...kept, ...body.set }
      if (isSame(node.metadata, metadata)) return node.id
      await unit.tx
        .updateTable('nodes')
        .set({ metadata: JSON.stringify(metadata) })
        .where('id', '=', node.id)
        .execute()
      await changeNode(unit, { ...node, metadata })
      return node.id
    })
    const row = await readNodeRow(app.store.reader, id)
    if (!row) throw new ApiError('not_found', `there is no node "${params.node}"`)
    return nodeDetail(app, row)
  },
)

function isSame(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && a[key] === b[key])
  )
}
