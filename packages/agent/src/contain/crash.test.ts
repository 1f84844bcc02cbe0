import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { silentLog, systemClock } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { hasEndedNow, identify, readVisible, stateOf } from '../process/process-identity.ts'
import { openContainment } from './containment.ts'
import { readTree } from './groups/process-tree.ts'

const isRoot = process.getuid?.() === 0
/** By which the processes of this test are known. */
const seconds = `${100_000 + (process.pid % 100_000)}`

/** Runs a program that leaves its session, and tells its process id; `find` is what is found of the machine. */
const daemon = (dataDir: string, find: string) => `
import { systemClock, silentLog } from '@plexd/runtime'
import { openContainment } from '${join(import.meta.dirname, 'containment.ts')}'
const containment = await openContainment({ dataDir: '${dataDir}', clock: systemClock, log: silentLog, ${find} })
await containment.run({
  argv: ['/bin/sh', '-c', 'setsid sleep ${seconds} & exec sleep ${seconds}'],
  env: { PATH: '/usr/bin:/bin' },
  limits: {},
  sandbox: { kind: 'none', network: false, writable: [] },
  signal: new AbortController().signal,
  outputBytes: 1024,
})`

describe('a program whose daemon is killed', { skip: !isRoot && 'needs root' }, () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plexd-test-'))
  })
  after(() => rm(folder, { recursive: true }))

  async function runAndKill(find: string): Promise<void> {
    const args = ['--input-type=module-typescript', '-e', daemon(folder, find)]
    const child = spawn(process.execPath, args, { cwd: import.meta.dirname, stdio: 'inherit' })
    await until('two processes', async () => (await sleepers()).length === 2)
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  it('is ended at the next start, before anything else is', async () => {
    await runAndKill('')
    assert.equal((await sleepers()).length, 2, 'they run on')
    const next = await openContainment({ dataDir: folder, clock: systemClock, log: silentLog })
    assert.deepEqual(await sleepers(), [])
    await next[Symbol.asyncDispose]()
  })

  it('is ended also while the killed daemon is a zombie, because nobody waits for it', async () => {
    const args = [process.execPath, '--input-type=module-typescript', '-e', daemon(folder, '')]
    const careless = spawn('/bin/sh', ['-c', '"$@" & echo "$!"; exec sleep 600', 'sh', ...args], {
      cwd: import.meta.dirname,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = await once(careless.stdout, 'data')
    const killed = await identify(Number(line))
    assert.ok(killed)
    await until('two processes', async () => (await sleepers()).length === 2)
    process.kill(killed.pid, 'SIGKILL')
    await until('its last thread', async () => hasEndedNow(killed))
    assert.equal(await stateOf(killed), 'Z')
    const next = await openContainment({ dataDir: folder, clock: systemClock, log: silentLog })
    assert.deepEqual(await sleepers(), [])
    await next[Symbol.asyncDispose]()
    careless.kill()
    await once(careless, 'exit')
  })

  it('ends with it where there is no control group', async () => {
    await runAndKill('find: async () => ({ byController: new Map(), pidNamespaces: true })')
    await until('none', async () => (await sleepers()).length === 0)
  })
})

async function sleepers(): Promise<string[]> {
  const tree = await readTree()
  return tree
    .map(({ pid }) => readVisible(pid, 'cmdline'))
    .filter((command) => command === `sleep\0${seconds}\0`)
}
