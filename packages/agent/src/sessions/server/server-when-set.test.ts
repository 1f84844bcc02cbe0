import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { silentLog } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import type { FromServer, OpenedSession, ServerSettings, ToServer } from '../link.ts'
import { serverWhenSet } from './server-when-set.ts'

const settings = { type: 'settings' } as ServerSettings
const open = (session_id: string): ToServer => ({
  type: 'open',
  session: { session_id } as OpenedSession,
})

describe('serverWhenSet', () => {
  it('closes each session with the reason if the server cannot start', async () => {
    const told: FromServer[] = []
    await using server = serverWhenSet({
      start: () => Promise.reject(new Error('Node has no FFI')),
      tell: (message) => void told.push(message),
      log: silentLog,
    })
    for (const message of [settings, open('sess_1'), open('sess_2')]) server.hear(message)
    await until('both are closed', () => told.length === 2)
    const detail = 'start the session server: Node has no FFI'
    assert.partialDeepStrictEqual(told, [
      { type: 'closed', session_id: 'sess_1', reason: 'error', detail },
      { type: 'closed', session_id: 'sess_2', reason: 'error', detail },
    ])
  })

  it('passes on what it hears, in order, to the one that it starts', async () => {
    const heard: ToServer['type'][] = []
    let starts = 0
    let ends = 0
    const server = serverWhenSet({
      async start() {
        starts++
        return {
          hear: ({ type }) => void heard.push(type),
          async [Symbol.asyncDispose]() {
            ends++
          },
        }
      },
      tell: () => {},
      log: silentLog,
    })
    for (const message of [settings, open('sess_1'), settings, open('sess_2')]) server.hear(message)
    await until('all is heard', () => heard.length === 4)
    await server[Symbol.asyncDispose]()
    assert.deepEqual(heard, ['settings', 'open', 'settings', 'open'])
    assert.deepEqual([starts, ends], [1, 1])
  })
})
