import assert from 'node:assert/strict'
import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { createClient, localApi } from '@plexd/protocol'
import { createUnixTransport } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { startControlPlaneProcess } from '../../scripts/programs/control-plane.ts'
import { launch, runProgram } from '../../scripts/programs/program.ts'
import { callAdmin } from './installation.ts'

it('a daemon goes over at once to another address of the same control plane: the same process starts anew, remembers it, and knows it after a restart', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'plexd-name-'))
  await using plane = await startControlPlaneProcess(folder.path, {
    listen: '0.0.0.0:0',
    args: ['--tls-san', '127.0.0.1', '--tls-san', '127.0.0.2'],
  })
  const other = plane.url.replace('127.0.0.1', '127.0.0.2')
  const { join: joinString } = await callAdmin(plane, (admin) => admin.createToken({ body: {} }))
  const joinFile = join(folder.path, 'join')
  await writeFile(joinFile, joinString, { mode: 0o600 })
  const place = ['--data-dir', join(folder.path, 'data')]
  const joined = await runProgram('plexd', ['join', ...place, '--join-file', joinFile])
  assert.equal(joined.code, 0, joined.stderr)

  const socket = join(folder.path, 'api.sock')
  const up = () =>
    launch('plexd', ['up', '--no-mesh', ...place, '--socket', socket], {
      logFile: join(folder.path, 'plexd.log'),
    })
  const local = createClient(localApi, createUnixTransport(socket, 1_000))
  const isAt = async (url: string): Promise<number | undefined> => {
    const status = (await local.getStatus({}).catch(() => undefined))?.body
    const { control_plane } = status ?? {}
    return control_plane?.url === url && control_plane.stream === 'connected'
      ? status?.pid
      : undefined
  }
  const daemon = up()
  try {
    const pid = await until('it is connected', () => isAt(plane.url), 60_000)
    await callAdmin(plane, (admin) => admin.announceMove({ body: { urls: [other] } }))
    assert.equal(await until('it has gone over', () => isAt(other), 60_000), pid)
  } finally {
    await daemon.end()
  }
  const again = up()
  try {
    await until('it is there after a restart', () => isAt(other), 60_000)
  } finally {
    await again.end()
  }
})
