import assert from 'node:assert/strict'
import { readFileSync, writeSync } from 'node:fs'
import { open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { it } from 'node:test'
import { createClient, localApi } from '@plexd/protocol'
import { createUnixTransport } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { startSystem } from '../support/system.ts'

const skip = process.getuid?.() === 0 ? false : 'mounting needs root'
const suspendedSeconds = 3_600

/** Runs the command behind it where the file says for how long the machine has been up. */
const withUptime = (file: string) => [
  ...['unshare', '--mount', '--propagation', 'private', 'sh', '-c'],
  ...['mount --bind "$0" /proc/uptime && exec "$@"', file],
]

it('an agent on a machine that was suspended makes its connections anew, and asks for its state', {
  skip,
}, async () => {
  await using system = await startSystem()
  const file = join(system.folder, 'uptime')
  await using clock = await startUptime(file)
  await using agent = await system.startAgent('node-01', { prefix: withUptime(file) })
  const local = createClient(localApi, createUnixTransport(agent.socket, 5_000))
  const count = async (message: string) =>
    (await agent.program().log()).split(`"${message}"`).length - 1
  const isConnected = async () =>
    (await local.getStatus({})).body.control_plane.stream === 'connected'
  await until('it is connected', isConnected)
  const before = await count('event stream connected')

  // The time that goes on while a machine sleeps has gone on, and the one by which programs wait has not.
  clock.suspend(suspendedSeconds)

  await until('it has seen that', async () =>
    /"paused_seconds":3(59|60)\d/.test(await agent.program().log()),
  )
  await until('its stream is another', async () => (await count('event stream connected')) > before)
  assert.ok(await isConnected())
})

/** Keeps a file as /proc/uptime is, but for the time that a machine was suspended. */
async function startUptime(file: string) {
  let moreSeconds = 0
  await writeFile(file, text())
  const handle = await open(file, 'r+')
  const ticking = setInterval(() => writeSync(handle.fd, text(), 0), 100)

  function text(): string {
    const [seconds = '0'] = readFileSync('/proc/uptime', 'latin1').split(' ')
    return `${(Number(seconds) + moreSeconds).toFixed(2).padStart(16, '0')} 0.00\n` // always as long
  }

  return {
    suspend(seconds: number) {
      moreSeconds = seconds
    },
    async [Symbol.asyncDispose]() {
      clearInterval(ticking)
      await handle.close()
    },
  }
}
