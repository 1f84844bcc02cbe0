import { controlApi } from '@plexd/protocol'
import { handle } from '../../handle.ts'

export const ping = handle(controlApi.ping, async () => ({}))
