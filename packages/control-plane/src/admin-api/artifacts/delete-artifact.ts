import { ApiError, adminApi } from '@plexd/protocol'
import type { SideStores, State } from '../../app.ts'
import { checkArtifactName } from '../../artifacts/files.ts'
import { handle } from '../../handle.ts'
import * as rows from '../../rows/artifacts.ts'

export const deleteArtifact = handle(
  adminApi.deleteArtifact,
  async ({ params: { version, os, arch } }, { artifacts, store }: State & SideStores) => {
    const name = { version, os, arch }
    checkArtifactName(name)
    await artifacts.exclusive(async () => {
      const isDeleted = await store.write((tx) => rows.deleteArtifact(tx, name))
      if (!isDeleted)
        throw new ApiError('not_found', `there is no plexd ${version} for ${os}/${arch}`)
      await artifacts.remove(name)
    })
    return {}
  },
)
