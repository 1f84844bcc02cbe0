import { controlApi } from '@plexd/protocol'
import { handle } from '../handle.ts'
import { removeNode } from '../node-removal.ts'

/** May be repeated with the same token for a day: the first answer may have been lost. */
export const deregister = handle(controlApi.deregister, async ({ principal }, app) => {
  await app.change(async (unit) => {
    const node = unit.fleet.node(principal.id)
    if (node) await removeNode(unit, app, node)
  })
  return {}
})
