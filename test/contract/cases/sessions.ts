import { controlApi } from '@plexd/protocol'
import type { ContractCase } from '../contract-case.ts'

export const relaySessionCases: ContractCase[] = [
  {
    status: 426,
    when: 'to what asks for no WebSocket',
    answer: ({ web }) => web.call(controlApi.relaySession, { params: { session_id: 'ses_1' } }),
  },
]
