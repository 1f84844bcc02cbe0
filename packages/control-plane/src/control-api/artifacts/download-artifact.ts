import { controlApi } from '@plexd/protocol'
import type { SideStores, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { sendArtifact } from './send.ts'

export const downloadArtifact = handle(
  controlApi.downloadArtifact,
  async (call, app: State & SideStores) => {
    const { version, os, arch } = call.params
    return sendArtifact(app, { version, os, arch }, call)
  },
)
