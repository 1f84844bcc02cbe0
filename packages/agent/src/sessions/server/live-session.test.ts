import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { Duplex } from 'node:stream'
import { describe, it } from 'node:test'
import { silentLog, systemClock } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import type { Connection } from 'ssh2'
import type { SharedFence } from '../../contain/shared-fence.ts'
import type { FromServer, OpenedSession } from '../link.ts'
import { ed25519Type, encodePublicKey } from '../ssh-encoding.ts'
import { openLiveSession, type SessionDeps } from './live-session.ts'
import { createSessionServer } from './session-server.ts'

const fence: SharedFence = {
  command: async () => ['sh'],
  add() {},
  end: async () => [],
  async [Symbol.asyncDispose]() {},
}

const unused = (): never => {
  throw new Error('no program is started here')
}

function depsWith(changes: Partial<SessionDeps>): SessionDeps {
  return {
    openFence: async () => fence,
    dialer: { program: 'true', args: [] },
    openPty: unused,
    openPipe: unused,
    recordLogin: unused,
    tellAuthLog: async () => {},
    openRecorder: () => undefined,
    clock: systemClock,
    log: silentLog,
    ...changes,
  }
}

function aSession(): OpenedSession {
  const session_id = 'sess_1'
  // Of those of ssh2 one in 150 lacks a byte.
  const key = encodePublicKey(generateKeyPairSync('ed25519').privateKey)
  const authorized_key = `${ed25519Type} ${key.toString('base64')}`
  return {
    ...{ session_id, token: 'token', authorized_key, way: 'relay' },
    ...{ idle_timeout_ms: 600_000, expires_at_ms: Date.now() + 3_600_000 },
    account: { name: 'nobody', uid: 65_534, gid: 65_534, groups: [], home: '/', shell: '/bin/sh' },
    claims: {
      ...{ iss: 'plexsphere', sub: 'op_1', email: '', name: 'ada', node_id: 'n_1', session_id },
      ...{ actions: [], login: 'nobody', forward: [], shell: true, recorded: false },
      ...{ iat: 1, exp: 4_000_000_000 },
    },
  }
}

describe('a live session', () => {
  it('ends if its client has gone before it is served', async () => {
    const session = await openLiveSession(aSession(), depsWith({}))
    const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
    stream.destroy()
    await new Promise(setImmediate)
    assert.ok(session.claim())
    session.serve({ on() {}, end() {} } as unknown as Connection, stream, 'relay')
    assert.equal((await session.closed).reason, 'client_closed')
  })

  it('can be had again if its client has gone before it was accepted', async () => {
    const session = await openLiveSession(aSession(), depsWith({}))
    assert.deepEqual([session.claim(), session.claim()], [true, false])
    session.release()
    assert.equal(session.claim(), true)
    await session.end('revoked')
  })

  it('says in the log of authentications who has opened it, and from where', async () => {
    const said: string[] = []
    const tellAuthLog = async (text: string): Promise<void> => void said.push(text)
    const session = await openLiveSession(aSession(), depsWith({ tellAuthLog }))
    const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
    session.serve({ on() {}, end() {} } as unknown as Connection, stream, '10.0.0.2')
    stream.destroy()
    await session.closed
    assert.deepEqual(said, [
      'session sess_1 of nobody opened by ada from 10.0.0.2',
      'session sess_1 of nobody closed: client_closed',
    ])
  })

  it('ends if it is revoked while it is being opened', async () => {
    const { promise: opening, resolve: finish } = Promise.withResolvers<SharedFence>()
    const told: FromServer[] = []
    await using server = createSessionServer({
      ...depsWith({ openFence: () => opening }),
      openRecorder: () => undefined,
      dialRelay: () => new Promise(() => {}),
      tell: (message) => void told.push(message),
    })
    const { privateKey } = generateKeyPairSync('ed25519')
    server.hear({
      type: 'settings',
      host_key_pem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      mesh: null,
      control_plane: { url: 'https://127.0.0.1:1', node_id: 'n_1', token: 'none' },
      data_dir: '/tmp',
      log_level: 'silent',
    })
    server.hear({ type: 'open', session: aSession() })
    server.hear({ type: 'close', session_id: 'sess_1', reason: 'revoked', detail: '' })
    finish(fence)
    const closed = await until('its end', () => told.find(({ type }) => type === 'closed'))
    assert.partialDeepStrictEqual(closed, { session_id: 'sess_1', reason: 'revoked' })
  })
})
