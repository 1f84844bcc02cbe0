import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { silentLog, systemClock } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { readVisible } from '../process/process-identity.ts'
import { type ContainedProgram, type Containment, openContainment } from './containment.ts'
import { readTree } from './groups/process-tree.ts'
import {
  makeShellImage,
  run as runHere,
  type ShellImage,
  whyNoContainers,
} from './testing/shell-image.ts'

/** By which the processes of this test are known. */
const seconds = `${200_000 + (process.pid % 100_000)}`

describe('a program in a container', { skip: whyNoContainers() ?? false }, () => {
  let folder: string
  let image: ShellImage
  let containment: Containment
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plexd-test-'))
    await chmod(folder, 0o755)
    await mkdir(join(folder, 'data'))
    image = await makeShellImage()
    containment = await open()
  })
  after(async () => {
    await containment[Symbol.asyncDispose]()
    await image[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  const open = (changes = {}): Promise<Containment> => {
    const dataDir = join(folder, 'data')
    return openContainment({ dataDir, clock: systemClock, log: silentLog, ...changes })
  }
  const sandbox = (changes = {}): ContainedProgram['sandbox'] => ({
    ...{ kind: 'container', network: false, writable: [], image: image.name },
    ...changes,
  })
  const run = (script: string, changes: Partial<ContainedProgram> = {}, by = containment) =>
    by.run({
      argv: ['/bin/sh', '-c', script],
      env: { PATH: '/bin', HOME: '/' },
      limits: {},
      sandbox: sandbox(),
      signal: new AbortController().signal,
      outputBytes: 64 * 1024,
      ...changes,
    })
  const records = (): string => runHere('podman', 'ps', '--all', '--format', '{{.Names}}')

  it('has its output, exit code and arguments, and no variable but its own and its host name', async () => {
    const env = { PATH: '/bin', HOME: '/', PLEXD_PARAM_X: '$(id) `id` "\'; \\ ü' }
    const { exitCode, stdout, stderr } = await run('echo err >&2; env; exit 3', { env })
    const lines = stdout.split('\n').filter((line) => line && !/^(HOSTNAME|PWD)=/.test(line))
    const own = Object.entries(env).map((pair) => pair.join('='))
    assert.deepEqual([exitCode, lines.sort(), stderr], [3, own.sort(), 'err\n'])
  })

  it('sees its image, itself and what it may write, and neither the network nor the data dir', async () => {
    const hook = join(folder, 'data', 'hook')
    await writeFile(hook, `#!/bin/sh\ncd ${folder}\nls . data /sys/class/net\n>new\n>/etc/x\n`)
    await writeFile(join(folder, 'data', 'key'), 'secret')
    await chmod(hook, 0o755)
    const { stdout, stderr } = await run('', {
      argv: [hook],
      sandbox: sandbox({ files: [hook], writable: [folder] }),
    })
    assert.equal(stdout, '.:\ndata\n\n/sys/class/net:\nlo\n\ndata:\nhook\n')
    assert.match(stderr, /^\S+: \d+: cannot create \/etc\/x: Read-only file system\n$/)
    assert.equal(runHere('ls', folder), 'data\nnew\n')
  })

  it('runs as its user, without capabilities', async () => {
    const script = 'id -u; id -g; while read line; do echo "$line"; done </proc/self/status'
    const { stdout } = await run(script, { user: 'nobody' })
    assert.match(stdout, /^65534\n65534\n(.*\n)+CapEff:\t0000000000000000\n/)
  })

  it('is asked to end, and has time to', async () => {
    const abort = new AbortController()
    const asked = join(folder, 'asked')
    const script = `trap 'echo bye; exit 7' TERM; echo on; >${asked}; while :; do sleep 0.1; done`
    const running = run(script, {
      signal: abort.signal,
      sandbox: sandbox({ writable: [folder] }),
    })
    await until('it runs', async () => runHere('ls', folder).includes('asked'))
    abort.abort()
    const { exitCode, stdout, left } = await running
    assert.deepEqual([exitCode, stdout, left], [7, 'on\nbye\n', []])
  })

  it('is ended whole when it ignores that, and podman knows nothing of it', async () => {
    await endStubborn(containment)
  })

  it('is ended whole also where there are no control groups', async () => {
    const find = async () => ({ byController: new Map(), pidNamespaces: true })
    await using bare = await open({ find })
    await endStubborn(bare)
  })

  async function endStubborn(by: Containment): Promise<void> {
    const abort = new AbortController()
    const script = `trap "" TERM; sleep ${seconds} & sleep ${seconds} & while :; do sleep ${seconds}; done`
    const running = run(script, { signal: abort.signal, graceMs: 300 }, by)
    await until('it runs', async () => (await sleepers()).length === 3)
    abort.abort()
    const { left } = await running
    assert.deepEqual([left, await sleepers(), records()], [[], [], ''])
  }

  it('is kept within its limits, and this is said', async () => {
    const { limits } = containment.method
    const bomb = 'i=0; while [ $i -lt 200 ]; do sleep 5 & i=$((i + 1)); done; wait'
    if (limits.pids.kind === 'cgroup')
      assert.deepEqual((await run(bomb, { limits: { pids: 10 } })).met, ['pids'])
    const memory = `x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done`
    if (limits.memory.kind === 'cgroup')
      assert.deepEqual((await run(memory, { limits: { memoryBytes: 16 << 20 } })).met, ['memory'])
    assert.equal(records(), '')
  })

  it('may print as much as it likes, of which 64 KiB are kept', async () => {
    const { exitCode, stdout } = await run('head -c 100000000 /dev/zero')
    assert.deepEqual([exitCode, Buffer.byteLength(stdout)], [0, 64 * 1024])
  })

  it('says what podman says of an image that is not there', async () => {
    const { exitCode, stderr } = await run('', {
      sandbox: sandbox({ image: 'localhost/plexd-test:gone' }),
    })
    assert.equal(exitCode, 125)
    assert.match(stderr, /plexd-test:gone/)
  })

  it('ends with the next start of a daemon that was killed, and podman knows nothing of it', async () => {
    const args = ['--input-type=module-typescript', '-e', daemon(join(folder, 'data'), image.name)]
    const child = spawn(process.execPath, args, { cwd: import.meta.dirname, stdio: 'inherit' })
    await until('it runs', async () => (await sleepers()).length === 2)
    child.kill('SIGKILL')
    await once(child, 'exit')
    assert.notEqual(records(), '')
    await using _next = await open()
    assert.deepEqual([await sleepers(), records()], [[], ''])
  })
})

const daemon = (dataDir: string, image: string) => `
import { systemClock, silentLog } from '@plexd/runtime'
import { openContainment } from '${join(import.meta.dirname, 'containment.ts')}'
const containment = await openContainment({ dataDir: '${dataDir}', clock: systemClock, log: silentLog })
await containment.run({
  argv: ['/bin/sh', '-c', 'sleep ${seconds} & exec sleep ${seconds}'],
  env: { PATH: '/bin' },
  limits: {},
  sandbox: { kind: 'container', network: false, writable: [], image: '${image}' },
  signal: new AbortController().signal,
  outputBytes: 1024,
})`

async function sleepers(): Promise<string[]> {
  const tree = await readTree()
  return tree
    .map(({ pid }) => readVisible(pid, 'cmdline'))
    .filter((command) => command === `sleep\0${seconds}\0`)
}
