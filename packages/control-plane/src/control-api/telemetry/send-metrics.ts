import { controlApi } from '@plexd/protocol'
import { handle } from '../../handle.ts'
import { receiveBatch } from './receive.ts'

export const sendMetrics = handle(controlApi.sendMetrics, (call, app) =>
  receiveBatch(app, 'metrics', call),
)
