import { controlApi } from '@plexd/protocol'
import { handle } from '../../handle.ts'
import { sendArtifact } from './send.ts'

export const downloadArtifact = handle(controlApi.downloadArtifact, async (call, app) => {
  const { version, os, arch } = call.params
  return sendArtifact(app, { version, os, arch }, call)
})
