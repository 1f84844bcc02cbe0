import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempDisposable } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { until } from '@plexd/runtime/testing'
import {
  backUp,
  keysIn,
  makeKey,
  restoreTo,
  startWriting,
  untilCurrent,
} from '../../bench/backup/steps.ts'
import { checkLedgers } from '../../bench/fleet/check.ts'
import { quickLife, startFleet } from '../../bench/fleet/fleet.ts'
import { openPlane, openPlaneIn } from '../../bench/fleet/plane.ts'
import { monotonicMs } from '../../bench/fleet/worker/watches.ts'

const agents = 50

it(`a control plane that is lost goes on elsewhere from its backup, with ${agents} agents and every change from before it`, async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'plexd-drill-'))
  await using first = await openPlane({})
  const { own } = first
  assert.ok(own)
  await using front = await startFront(first.url)
  await using fleet = await startFleet({ ...first, url: front.url }, { agents, topology: 'groups' })
  await fleet.pull()
  await fleet.open()
  await fleet.live(quickLife)
  const key = await makeKey(folder.path)
  const file = join(folder.path, 'backup')
  let before: string[]
  {
    await using writing = startWriting(first.admin, 'change')
    await until('changes are made', () => writing.acknowledged().length >= 20, 60_000)
    before = writing.acknowledged()
    await backUp(own, file, key)
    const during = writing.acknowledged().length
    await until('agents are ahead of it', () => writing.acknowledged().length > during + 20, 60_000)
    await own.end('SIGKILL')
  }

  // Another host: another address, reached by the old one, which its new certificate names.
  await restoreTo(folder.path, file, { lost: own, key })
  const startMs = monotonicMs()
  await using second = await openPlaneIn(folder.path, {
    listen: '127.0.0.9:0',
    args: ['--tls-san', '127.0.0.1', '--tls-san', 'cp-2.example.com'],
  })
  assert.notEqual(new URL(second.url).host, new URL(first.url).host)
  front.leadTo(second.url)
  await untilCurrent(fleet, startMs)
  await fleet.rest()

  const { faults, events } = await checkLedgers({ ...fleet, plane: second })
  assert.deepEqual(faults, [])
  assert.ok(events >= 0)
  assert.ok(second.own)
  const kept = keysIn(second.own)
  assert.deepEqual(
    before.filter((name) => !kept.has(name)),
    [],
    'acknowledged before the backup',
  )
})

/** An address that stays, as a name does whose entry is changed. */
async function startFront(url: string) {
  let target = new URL(url)
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    const onward = connect(Number(target.port), target.hostname)
    for (const one of [socket, onward]) {
      sockets.add(one)
      one.on('error', () => one.destroy())
      one.on('close', () => {
        sockets.delete(one)
        socket.destroy()
        onward.destroy()
      })
    }
    socket.pipe(onward).pipe(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // it listens on TCP
  return {
    url: `https://127.0.0.1:${port}`,
    leadTo(next: string) {
      target = new URL(next)
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
