import { controlApi } from '@plexd/protocol'
import { handle } from '../../handle.ts'
import { receiveBatch } from './receive.ts'

export const sendLogs = handle(controlApi.sendLogs, (call, app) => receiveBatch(app, 'logs', call))
