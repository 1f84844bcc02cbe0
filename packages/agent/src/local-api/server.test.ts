import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import {
  chmod,
  chown,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  rename,
  rm,
  rmdir,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import http from 'node:http'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { silentLog, systemClock } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { createProblems } from '../health/problems.ts'
import {
  connectAs,
  type LocalApiPlace,
  seal,
  startPlace,
  type User,
} from '../testing/local-api-place.ts'
import { listenOnSocket } from './sockets/socket-file.ts'

const root = process.getuid?.() === 0
/** One that this process may give a file to. */
const ownGroup = String(process.getgid?.() ?? 0)

describe('the socket', () => {
  it('is for its owner alone when the group does not exist, with one warning', async () => {
    await using place = await startPlace({}, { group: 'plexd-test-no-such-group' })
    assert.equal((await lstat(place.socketPath)).mode & 0o777, 0o600)
    assert.equal((await stat(join(place.folder, 'run'))).mode & 0o777, 0o755)
    assert.deepEqual(place.messages, [
      'only root can use the local API as long as there is no such group',
    ])
  })

  it('is for owner and group when there is one', async (t) => {
    if (!root) return void t.skip('giving a file to a group needs root')
    await using place = await startPlace({}, { group: '4242' })
    const { mode, uid, gid } = await lstat(place.socketPath)
    assert.deepEqual([mode & 0o777, uid, gid], [0o660, 0, 4242])
    assert.deepEqual(place.messages, [])
  })

  it('is gone when the daemon stops', async () => {
    const place = await startPlace()
    await place.api[Symbol.asyncDispose]()
    await assert.rejects(lstat(place.socketPath), { code: 'ENOENT' })
    await place[Symbol.asyncDispose]()
  })

  it('replaces one that no process serves any more', async () => {
    await using folder = await aFolder()
    await leaveSocket(folder.socketPath)
    await using place = await startPlace({}, { socketPath: folder.socketPath })
    assert.equal((await ask(folder.socketPath, '/v1/state')).status, 200)
    assert.ok(place.api)
  })

  it('is refused while another process serves it', async () => {
    await using first = await startPlace()
    await assert.rejects(startPlace({}, { socketPath: first.socketPath }), {
      message: `listen on "${first.socketPath}": another process serves it, is plexd running already?`,
    })
    assert.equal((await first.unix('GET', '/v1/state')).status, 200)
  })

  it('is refused where no program can connect to it', async () => {
    const socketPath = `/tmp/${'x'.repeat(110)}`
    await assert.rejects(
      startPlace({}, { socketPath }),
      /more than 107 bytes: choose another place/,
    )
  })

  it('removes nothing that is no socket', async () => {
    await using folder = await aFolder()
    await writeFile(folder.socketPath, 'precious')
    await assert.rejects(startPlace({}, { socketPath: folder.socketPath }), /is not a socket/)
    assert.equal((await stat(folder.socketPath)).size, 8)
  })

  it('is refused where no folder can be made for it', async () => {
    await assert.rejects(startPlace({}, { socketPath: '/proc/no-such/api.sock' }), {
      message:
        /^listen on "\/proc\/no-such\/api\.sock": ENOENT: .*: choose another place with --socket$/,
    })
  })

  it("touches no other file in another user's folder, whatever that user puts in its place", async (t) => {
    if (!root) return void t.skip('a folder of another user needs root')
    await using folder = await aFolder()
    await chmod(folder.path, 0o755)
    const theirs = join(folder.path, 'theirs')
    await mkdir(theirs)
    await chown(theirs, 1234, 1234)
    const victim = join(folder.path, 'shadow')
    await writeFile(victim, 'x', { mode: 0o600 })
    const socketPath = join(theirs, 'api.sock')
    // As the other user would, in the time that the group is looked up in.
    const swap = async (): Promise<number> => {
      await rename(socketPath, `${socketPath}.gone`)
      await symlink(victim, socketPath)
      return 4242
    }
    const server = net.createServer()
    {
      await using _file = await listenOnSocket(server, {
        path: socketPath,
        group: 'plexd',
        findGroup: swap,
        problems: createProblems(),
        clock: systemClock,
        log: silentLog,
      })
      const { mode, uid, gid } = await stat(victim)
      assert.deepEqual([mode & 0o777, uid, gid], [0o600, 0, 0])
      const own = await lstat(`${socketPath}.gone`)
      assert.deepEqual([own.mode & 0o777, own.uid, own.gid], [0o660, 0, 4242])
    }
    server.close()
    assert.ok((await lstat(socketPath)).isSymbolicLink(), 'what is not ours is not removed')
    assert.deepEqual(await readdir(theirs), ['api.sock', 'api.sock.gone'])
  })

  for (const [what, of] of [
    ['it was removed', (place: LocalApiPlace) => place.socketPath],
    ['its folder was removed', (place: LocalApiPlace) => join(place.folder, 'run')],
  ] as const)
    it(`is made again when ${what}, and who was connected stays so`, async () => {
      await using place = await startPlace({ metadata: { a: 'b' } }, { group: ownGroup })
      const old = net.connect(place.socketPath)
      await once(old, 'connect')
      await rm(of(place), { recursive: true })

      await until('it is back', () => existsSync(place.socketPath))
      await until(
        'the mode is right',
        async () => ((await lstat(place.socketPath)).mode & 0o777) === 0o660,
      )
      assert.equal((await ask(place.socketPath, '/v1/state/metadata/a')).status, 200)
      assert.equal((await ask(place.socketPath, '/v1/state/metadata/a', old)).status, 200)
      assert.deepEqual(place.problems.list(), [])
      await place.api[Symbol.asyncDispose]()
      assert.equal(existsSync(place.socketPath), false)
    })

  it('is a problem while something else is in its place', async () => {
    await using place = await startPlace()
    await rm(place.socketPath)
    await mkdir(place.socketPath)
    await until('it is said', () => place.problems.of('local-api-socket') !== '')
    assert.match(place.problems.of('local-api-socket'), /something that is not a socket, remove it/)
    await rmdir(place.socketPath)
    await until('it is over', () => place.problems.list().length === 0)
    assert.equal((await ask(place.socketPath, '/v1/state')).status, 200)
  })

  it('is no longer a problem when the socket is moved back', async () => {
    await using place = await startPlace()
    const aside = `${place.socketPath}.aside`
    const isSaid = () => place.problems.of('local-api-socket') !== ''
    const comesBack = async () => {
      await rename(aside, place.socketPath)
      await until('it is over', () => !isSaid())
      assert.equal((await ask(place.socketPath, '/v1/state')).status, 200)
    }

    await rename(place.socketPath, aside)
    await mkdir(place.socketPath)
    await until('it is said', () => isSaid())
    await rmdir(place.socketPath)
    await comesBack()

    // While it was away another was made, of which it takes the place.
    await rename(place.socketPath, aside)
    await until('another is there', () => existsSync(place.socketPath))
    await comesBack()
    await until('the first is back', () =>
      place.messages.some((text) => /is back in its place/.test(text)),
    )
    assert.deepEqual(place.problems.list(), [])
  })

  it('has folders that others may pass, however many had to be made and whatever the umask', async () => {
    await using folder = await aFolder()
    const socketPath = join(folder.path, 'one', 'two', 'api.sock')
    const mask = process.umask(0o077)
    const starting = startPlace({}, { socketPath })
    await starting.finally(() => process.umask(mask))
    await using _place = await starting
    for (const made of ['one', join('one', 'two')])
      assert.equal((await stat(join(folder.path, made))).mode & 0o777, 0o755)
  })

  it('does not change the mode of an existing folder', async () => {
    await using folder = await aFolder()
    await mkdir(join(folder.path, 'run'), { mode: 0o700 })
    const socketPath = join(folder.path, 'run', 'api.sock')
    await using _place = await startPlace({}, { socketPath })
    assert.equal((await stat(join(folder.path, 'run'))).mode & 0o777, 0o700)
  })
})

describe('a process at the socket', () => {
  const groups = { group: '4242', secretsGroup: '4343' }

  it('reads secrets as root', async (t) => {
    await using place = await aPlaceWithSecret(t, groups)
    if (place) assert.equal(await secretStatus(place, { uid: 0, gid: 0, groups: [] }), 200)
  })

  it('reads secrets by its first group, or by another of its groups', async (t) => {
    await using place = await aPlaceWithSecret(t, groups)
    if (!place) return
    assert.equal(await secretStatus(place, { uid: 1234, gid: 4343, groups: [4242] }), 200)
    assert.equal(await secretStatus(place, { uid: 1234, gid: 1234, groups: [4242, 4343] }), 200)
    const many = Array.from({ length: 200 }, (_, n) => 5_000 + n)
    assert.equal(await secretStatus(place, { uid: 1234, gid: 4242, groups: [...many, 4343] }), 200)
  })

  it('reads all but secret values without that group', async (t) => {
    await using place = await aPlaceWithSecret(t, groups)
    if (!place) return
    const user = { uid: 1234, gid: 1234, groups: [4242] }
    const refused = await askAs(user, place.socketPath, '/v1/state/secrets/k')
    assert.deepEqual(
      [refused.status, refused.text],
      [403, '{"error":"forbidden: insufficient privileges for secret access"}\n'],
    )
    assert.equal((await askAs(user, place.socketPath, '/v1/state/secrets')).status, 200)
    assert.equal((await askAs(user, place.socketPath, '/v1/state')).status, 200)
  })

  it('cannot even connect without the group of the socket', async (t) => {
    await using place = await aPlaceWithSecret(t, groups)
    if (!place) return
    const user = { uid: 1234, gid: 1234, groups: [4343] }
    await assert.rejects(askAs(user, place.socketPath, '/v1/state'), { code: 'EACCES' })
  })

  it('reads no secret when there is no group for it', async (t) => {
    await using place = await aPlaceWithSecret(t, { ...groups, secretsGroup: 'plexd-test-no-such' })
    if (place) assert.equal(await secretStatus(place, { uid: 1, gid: 4242, groups: [] }), 403)
  })
})

describe('the end of the daemon', () => {
  it('can be requested by root only, and is answered before it happens', async (t) => {
    if (!root) return void t.skip('acting as another user needs root')
    let stops = 0
    await using place = await startPlace(
      {},
      {
        group: '4242',
        stop() {
          stops++
        },
      },
    )
    await chmod(place.folder, 0o755)
    const member = connectAs({ uid: 1234, gid: 1234, groups: [4242] }, place.socketPath)
    assert.equal((await ask(place.socketPath, '/v1/stop', member, 'POST')).status, 403)
    assert.equal((await place.tcp('POST', '/v1/stop')).status, 403)
    assert.equal(stops, 0)
    assert.equal((await place.unix('POST', '/v1/stop')).status, 204)
    assert.equal(stops, 1)
  })
})

describe('the actions', () => {
  it('are for root only', async (t) => {
    if (!root) return void t.skip('acting as another user needs root')
    await using place = await startPlace({}, { group: '4242' })
    await chmod(place.folder, 0o755)
    for (const [method, path] of [
      ['GET', '/v1/actions'],
      ['POST', '/v1/actions/run'],
    ] as const) {
      const member = connectAs({ uid: 1234, gid: 1234, groups: [4242] }, place.socketPath)
      assert.equal((await ask(place.socketPath, path, member, method)).status, 403)
    }
    assert.equal((await place.unix('GET', '/v1/actions')).status, 200)
  })
})

describe('a caller that is slow or careless', () => {
  it('does not hold up others', async () => {
    await using place = await startPlace()
    const idle = Array.from({ length: 100 }, () => net.connect(place.socketPath))
    for (const socket of idle) socket.write('GET /v1/state HTTP/1.1\r\nX-Slow: ')
    assert.equal((await place.unix('GET', '/v1/state')).status, 200)
    for (const socket of idle) socket.destroy()
  })

  it('may leave in the middle of a body', async () => {
    await using place = await startPlace()
    const socket = net.connect(place.socketPath)
    socket.write('PUT /v1/state/report/a HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"conte')
    await delay(20)
    socket.destroy()
    await delay(20)
    assert.equal((await place.unix('GET', '/v1/state/report/a')).status, 404)
    assert.deepEqual(
      place.messages.filter((message) => message.includes('failed')),
      [],
    )
  })

  it('may pipeline several requests over one connection', async () => {
    await using place = await startPlace({ metadata: { a: 'b' } })
    const socket = net.connect(place.socketPath)
    const request = 'GET /v1/state/metadata/a HTTP/1.1\r\nHost: x\r\n\r\n'
    socket.write(request + request + request.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
    let text = ''
    for await (const chunk of socket) text += chunk
    assert.equal(text.split('{"key":"a","value":"b"}\n').length, 4)
  })

  it('gets 400 for what is no HTTP', async () => {
    await using place = await startPlace()
    const socket = net.connect(place.socketPath)
    socket.write('hello\r\n\r\n')
    let text = ''
    for await (const chunk of socket) text += chunk
    assert.match(text, /^HTTP\/1\.1 400 Bad Request\r\n/)
  })
})

/** Sends a GET from a connection that this process opens as another user. */
function askAs(user: User, socketPath: string, path: string) {
  return ask(socketPath, path, connectAs(user, socketPath))
}

async function secretStatus(place: LocalApiPlace, user: User): Promise<number> {
  return (await askAs(user, place.socketPath, '/v1/state/secrets/k')).status
}

function ask(
  socketPath: string,
  path: string,
  socket?: net.Socket,
  method = 'GET',
): Promise<{ status: number; text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>()
  const where = socket ? { createConnection: () => socket } : { socketPath, agent: false }
  const request = http.request({ ...where, path, method }, async (response) => {
    let text = ''
    for await (const chunk of response) text += chunk
    resolve({ status: response.statusCode ?? 0, text })
  })
  request.on('error', reject).end()
  return promise
}

async function aPlaceWithSecret(
  t: TestContext,
  groups: { group: string; secretsGroup: string },
): Promise<LocalApiPlace | undefined> {
  if (!root) {
    t.skip('acting as another user needs root')
    return undefined
  }
  const place = await startPlace({}, groups)
  await chmod(place.folder, 0o755)
  place.secrets.set('k', seal('k', 'v', 1, place.nsk))
  return place
}

async function aFolder() {
  const path = await mkdtemp(join(tmpdir(), 'plexd-socket-'))
  return {
    path,
    socketPath: join(path, 'api.sock'),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true }),
  }
}

/** A socket file as a killed process leaves it. */
async function leaveSocket(path: string): Promise<void> {
  const server = net.createServer().listen(`${path}.bound`)
  await new Promise((resolve) => server.once('listening', resolve))
  await link(`${path}.bound`, path)
  await new Promise((resolve) => server.close(resolve))
}
