/** The floor of an idle agent: what Node takes that does the least of the same, with the same flags. */
import { execFileSync, spawn } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { nodeFlags } from '../../scripts/programs/build.ts'
import type { Plane } from '../fleet/plane.ts'
import { cpuMsOf } from '../process-usage.ts'

/** Once it has done what the agent cannot do without, and V8 has compiled one function with each of its compilers. */
export function bareMemoryMb({ url, caFile }: Plane): number {
  const args = [...nodeFlags.plexd, '-e', bareProgram, url, caFile]
  return Number(execFileSync(process.execPath, args)) / 1e6
}

const bareProgram = `
const [, url, caFile] = process.argv
new (require('node:sqlite').DatabaseSync)(':memory:').exec('CREATE TABLE one (number INTEGER)')
process.emitWarning = () => {}
const { dlopen } = require('node:ffi')
dlopen(null, { getpid: { arguments: [], return: 'int32' } }).functions.getpid()
for (const name of ['http', 'zlib', 'child_process', 'dgram', 'worker_threads', 'perf_hooks']) require('node:' + name)
let sum = 0
const add = (number) => (sum = (sum + number * 3) % 7)
for (let count = 0; count < 5_000_000; count++) add(count)
require('node:https').get(url, { ca: require('node:fs').readFileSync(caFile) }, (response) => {
  response.once('data', () => {
    process.stdout.write(String(process.memoryUsage.rss()))
    response.destroy()
  })
})
`

/**
 * It looks for changes of wireguard-go as often as the agent does, and starts as many programs. From its second second on,
 * because its start costs as much as a minute of that.
 */
export async function bareCpuShare(seconds: number): Promise<number> {
  const child = spawn(process.execPath, [...nodeFlags.plexd, '-e', bareWatch])
  await delay(1_000)
  const before = cpuMsOf(child.pid ?? 0)
  await delay(seconds * 1_000)
  const used = cpuMsOf(child.pid ?? 0) - before
  child.kill()
  return used / seconds / 10
}

const bareWatch = `
const { statSync } = require('node:fs')
const { execFile } = require('node:child_process')
setInterval(() => statSync('/'), 200)
setInterval(() => execFile('true'), 30_000)
`
