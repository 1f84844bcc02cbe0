import { controlApi } from '@plexd/protocol'
import { sendArtifact } from '../artifacts/send.ts'
import { handle } from '../handle.ts'

export const downloadArtifact = handle(controlApi.downloadArtifact, async (call, app) => {
  const { version, os, arch } = call.params
  return (await sendArtifact(app, { version, os, arch }, call)) as never // the server sends streams as they are
})
