import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { adminApi, createClient, localApi } from '@plexd/protocol'
import { createHttpTransport, createUnixTransport } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { startAgentProcess } from '../../scripts/programs/agent.ts'
import { startControlPlaneProcess } from '../../scripts/programs/control-plane.ts'

// Both programs write to a pipe that was full before they started: their first word would stop them for ever.
describe('a log that nobody reads', () => {
  it('stops neither the control plane nor the agent, which end when they are asked to', async () => {
    await using place = await createPlace()
    using pipe = place.fullPipe('control-plane.log')
    using agentPipe = place.fullPipe('agent.log')
    await using controlPlane = await startControlPlaneProcess(place.folder, {
      logFile: pipe.path,
      args: ['--log-level', 'debug'],
    })
    const admin = await adminOf(controlPlane)
    await using agent = await startAgentProcess(place.folder, {
      hostname: 'web-01',
      token: (await admin.createToken({ body: {} })).body.token,
      controlPlane,
      logFile: agentPipe.path,
    })
    const local = createClient(localApi, createUnixTransport(agent.socket))
    await until('it is connected', async () => {
      const { body } = await local.getStatus({})
      return body.control_plane.stream === 'connected'
    })

    await agent.end()
    await controlPlane.end()

    assert.equal(agent.program().child.exitCode, 0)
    assert.equal(controlPlane.program().child.exitCode, 0)
  })

  it('is written once somebody reads', async () => {
    await using place = await createPlace()
    using pipe = place.fullPipe('control-plane.log')
    await using controlPlane = await startControlPlaneProcess(place.folder, { logFile: pipe.path })

    const log = await until('its first line is there', () => {
      const text = pipe.read()
      return text.includes('"serving"') && text
    })

    assert.match(log, /"msg":"serving"/)
    await controlPlane.end()
    assert.match(pipe.read(), /"msg":"stopping"/)
  })
})

async function createPlace() {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-unread-'))
  return {
    folder,
    fullPipe: (name: string) => fullPipe(join(folder, name)),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

function fullPipe(path: string) {
  execFileSync('mkfifo', [path])
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  const page = Buffer.alloc(4_096, '\n')
  while (attempt(() => writeSync(fd, page)));
  return {
    path,
    /** All that is in it. */
    read() {
      const bytes = Buffer.alloc(1 << 20)
      const count = attempt(() => readSync(fd, bytes)) ?? 0
      return bytes.toString('utf8', 0, count)
    },
    [Symbol.dispose]: () => closeSync(fd),
  }
}

/** Undefined for what would have to wait. */
function attempt<T>(act: () => T): T | undefined {
  try {
    return act()
  } catch {
    return undefined
  }
}

async function adminOf({ url, caFile, adminTokenFile }: ControlPlane) {
  const token = (await readFile(adminTokenFile, 'utf8')).trim()
  const transport = createHttpTransport({ baseUrl: url, caFile, userAgent: 'plexd-test' })
  return createClient(adminApi, transport, () => token)
}

type ControlPlane = Awaited<ReturnType<typeof startControlPlaneProcess>>
