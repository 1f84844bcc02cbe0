import { adminApi } from '@plexd/protocol'
import type { Installation } from '../../app.ts'
import { handle } from '../../handle.ts'

export const listControlPlanes = handle(
  adminApi.listControlPlanes,
  async (_call, { controlPlanes }: Installation) => ({ items: await controlPlanes.list() }),
)
