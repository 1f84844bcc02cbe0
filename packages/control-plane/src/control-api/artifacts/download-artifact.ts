import { controlApi } from '@plexd/protocol'
import { sendArtifact } from '../../artifacts/send.ts'
import { handle } from '../../handle.ts'

export const downloadArtifact = handle(controlApi.downloadArtifact, async (call, app) => {
  const { version, os, arch } = call.params
  return sendArtifact(app, { version, os, arch }, call)
})
