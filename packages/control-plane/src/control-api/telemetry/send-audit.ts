import { controlApi } from '@plexd/protocol'
import { handle } from '../../handle.ts'
import { receiveBatch } from './receive.ts'

export const sendAudit = handle(controlApi.sendAudit, (call, app) =>
  receiveBatch(app, 'audit', call),
)
