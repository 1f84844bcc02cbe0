import { ApiError, controlApi } from '@plexd/protocol'
import type { App } from '../app.ts'
import { handle } from '../handle.ts'

/** Stores them as they came. Each node tells each run of ours what it can do, and mostly it is nothing new. */
export const putCapabilities = handle(
  controlApi.putCapabilities,
  async ({ principal, body }, app) => {
    const capabilities = JSON.stringify(body)
    if (capabilities === (await readCapabilities(app, principal.id))) return {}
    await app.change(async (unit) => {
      const node = unit.fleet.node(principal.id)
      if (!node) throw new ApiError('unauthorized', 'unauthorized')
      await unit.tx.updateTable('nodes').set({ capabilities }).where('id', '=', node.id).execute()
    })
    return {}
  },
)

async function readCapabilities({ store }: App, id: string): Promise<string | null | undefined> {
  const row = await store.reader
    .selectFrom('nodes')
    .select('capabilities')
    .where('id', '=', id)
    .executeTakeFirst()
  return row?.capabilities
}
