/**
 * Prints how many milliseconds a start takes until it has seen that nothing has changed, or with `floor` the commands and
 * requests of it alone. A program of its own, because a daemon starts with cold code. Reads a MeshDeviceState as JSON.
 */
import { text } from 'node:stream/consumers'
import { exec } from '@plexd/runtime'
import { askWireguardGo, type MeshDeviceState, openMeshDevice, timeOf } from './mesh-device.ts'

const state: MeshDeviceState = JSON.parse(await text(process.stdin))
const ms = await timeOf(process.argv[2] === 'floor' ? look : start)
process.stdout.write(`${ms}\n`)

async function start(): Promise<void> {
  await using mesh = await openMeshDevice(state)
  const [step] = await mesh.apply()
  if (step) throw new Error(`a restart changed something: ${JSON.stringify(step)}`)
}

async function look(): Promise<void> {
  const input = 'address show dev plexd0\nroute show dev plexd0\n'
  const addresses = exec(['ip', '-json', '-batch', '-'], { input })
  await Promise.all([addresses, askWireguardGo('get=1\n\n')])
}
