import { ApiError, adminApi } from '@plexd/protocol'
import { checkArtifactName } from '../artifacts/files.ts'
import { handle } from '../handle.ts'

export const deleteArtifact = handle(
  adminApi.deleteArtifact,
  async ({ params: { version, os, arch } }, { artifacts, store }) => {
    checkArtifactName({ version, os, arch })
    await artifacts.exclusive(async () => {
      const { numDeletedRows } = await store.write((tx) =>
        tx
          .deleteFrom('artifacts')
          .where('version', '=', version)
          .where('os', '=', os)
          .where('arch', '=', arch)
          .executeTakeFirst(),
      )
      if (numDeletedRows === 0n)
        throw new ApiError('not_found', `there is no plexd ${version} for ${os}/${arch}`)
      await artifacts.remove({ version, os, arch })
    })
    return {}
  },
)
