import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { findTool, silentLog, systemClock } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { outputOfContained } from './contained-output.ts'
import { type ContainedProgram, type Containment, openContainment } from './containment.ts'

const isRoot = process.getuid?.() === 0
const rounds = Number(process.env.PLEXD_CONTAIN_ROUNDS ?? 10)
const none = { kind: 'none', network: false, writable: [] } as const
const namespaced = { ...none, kind: 'namespaced' } as const

describe('a contained program', { skip: !isRoot && 'needs root' }, () => {
  let folder: string
  let containment: Containment
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plexd-test-'))
    await chmod(folder, 0o755)
    containment = await openContainment({ dataDir: folder, clock: systemClock, log: silentLog })
  })
  after(async () => {
    await containment[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })
  const run = (script: string, changes: Partial<ContainedProgram> = {}) =>
    containment.run({
      argv: ['/bin/sh', '-c', script],
      env: { PATH: '/usr/bin:/bin' },
      limits: {},
      sandbox: none,
      signal: new AbortController().signal,
      outputBytes: 64 * 1024,
      ...changes,
    })

  it('may print 300 MB, of which 64 KiB are kept', async () => {
    const before = process.memoryUsage().rss
    const { exitCode, stdout } = await run('head -c 300000000 /dev/zero | tr "\\0" x')
    assert.equal(exitCode, 0)
    assert.equal(Buffer.byteLength(stdout), 64 * 1024)
    assert.match(stdout, /^x+\n\.\.\.\[truncated\]$/)
    // Chunks that were thrown away are collected later; other tests of this process have theirs.
    const growth = process.memoryUsage().rss - before
    assert.ok(growth < 200_000_000, `${growth} bytes`)
  })

  it('is told from one that cannot be started', async () => {
    const text = join(folder, 'text')
    await writeFile(text, 'no program')
    const gone = join(folder, 'gone')
    for (const [changes, message] of [
      [{ argv: [gone] }, `run "${gone}": there is no such file`],
      [
        { argv: ['nothing-of-this-name'] },
        'run "nothing-of-this-name": there is no such program in "/usr/bin:/bin"',
      ],
      [{ argv: [text] }, `run "${text}": it is not executable`],
      [{ argv: [folder] }, `run "${folder}": it is not a file`],
      [{ argv: ['./x'] }, 'run "./x": want an absolute path'],
      [{ cwd: gone }, `run in "${gone}": there is no such folder`],
      [{ user: 'nobody-of-this-name' }, 'run as "nobody-of-this-name": there is no such user'],
      [{ env: { 'A-B': '1' } }, 'give a program the variable "A-B": a shell would change it'],
    ] satisfies [Partial<ContainedProgram>, string][])
      await assert.rejects(run('', changes), { message })
    await assert.rejects(run('', { signal: AbortSignal.abort() }), { name: 'AbortError' })
  })

  it('says itself that its interpreter is missing', async () => {
    const script = join(folder, 'script')
    await writeFile(script, '#!/nothing/here\n', { mode: 0o755 })
    const { exitCode, stderr } = await run('', { argv: [script] })
    assert.equal(exitCode, 127)
    assert.match(stderr, /No such file/)
  })

  it('has no environment but the given one', async () => {
    const env = { PATH: '/usr/bin:/bin', HOME: '/', PLEXD_PARAM_X: '$(id) `id` "\'\n;' }
    const { stdout } = await run('', { argv: ['/usr/bin/env', '-0'], env })
    assert.deepEqual(
      stdout.split('\0').slice(0, -1).sort(),
      Object.entries(env)
        .map((pair) => pair.join('='))
        .sort(),
    )
  })

  it('runs as a user, with the groups of that user', async () => {
    for (const user of ['nobody', 65_534]) {
      const { stdout } = await run('id -u; id -g; id -G; grep CapEff /proc/self/status', { user })
      assert.equal(stdout, '65534\n65534\n65534\nCapEff:\t0000000000000000\n')
    }
    assert.equal((await run('id -u; id -G', { user: 54_321 })).stdout, '54321\n54321\n')
  })

  it('is ended when it needs more memory than it may, and this is said', async (t) => {
    if (containment.method.limits.memory.kind !== 'cgroup') return t.skip('no control group')
    const end = await run('head -c 300000000 /dev/zero | tail -n 1 | wc -c', {
      limits: { memoryBytes: 32 * 1024 * 1024 },
    })
    assert.deepEqual(end.met, ['memory'])
    assert.match(outputOfContained(end).stderr, /plexd: it needed more memory than its limit\n/)
  })

  it('starts no more processes than it may, and this is said', async (t) => {
    if (containment.method.limits.pids.kind !== 'cgroup') return t.skip('no control group')
    const end = await run('for i in $(seq 50); do sleep 1 & done; wait', { limits: { pids: 10 } })
    assert.deepEqual(end.met, ['pids'])
    assert.match(outputOfContained(end).stderr, /plexd: it started more processes than its limit\n/)
  })

  it('has no more of the CPU than it may', async (t) => {
    if (containment.method.limits.cpu.kind !== 'cgroup') return t.skip('no control group')
    const signal = AbortSignal.timeout(1_000)
    const busy = 'trap "times; exit" TERM; while :; do :; done'
    const { stdout } = await run(busy, { limits: { cpuPercent: 10 }, signal })
    const [, seconds = '9'] = /^0m([\d.]+)s/.exec(stdout) ?? []
    assert.ok(Number(seconds) < 0.5, stdout)
  })

  it('leaves nothing behind after many runs', async () => {
    const counts = async () => [
      (await readdir('/proc/self/fd')).length,
      (await groupsOf(containment)).length,
      (await childrenOfUs()).length,
    ]
    await run('true')
    const before = await counts()
    for (let round = 0; round < rounds; round++)
      await Promise.all(
        Array.from({ length: 20 }, () => run('(sleep 100 & setsid sleep 100 &) >/dev/null 2>&1')),
      )
    assert.deepEqual(await counts(), before)
  })

  describe('in namespaces', { skip: !existsSync('/usr/bin/bwrap') && 'needs bubblewrap' }, () => {
    it('cannot write but where it may, nor see processes, sockets, the data dir or the network', async () => {
      const own = join(folder, 'own')
      await mkdir(own)
      await writeFile(join(folder, 'secret'), 'key')
      const { stdout, stderr, exitCode } = await run(
        `touch /etc/plexd-test || echo readonly
        echo x >${own}/written && ls ${folder}
        ls /tmp /run /sys/class/net
        ls /proc | grep -c '^[0-9]'
        grep CapEff /proc/self/status
        exit 5`,
        { sandbox: { ...namespaced, writable: [own] } },
      )
      assert.equal(exitCode, 5, stderr)
      assert.match(stdout, /^readonly\nown\n/)
      assert.match(stdout, /CapEff:\t0000000000000000/)
      assert.doesNotMatch(stdout, /secret|sock/)
      assert.equal(await readFile(join(own, 'written'), 'utf8'), 'x\n')
    })

    it('sees no more where it may write a folder above, or all', async () => {
      await writeFile(join(folder, 'secret'), 'key')
      const script = `ls ${folder} /run; set -- /proc/[0-9]*; echo $#; ls -d ${tmpdir()}/plexd-test-*`
      const runWriting = async (path: string): Promise<string> =>
        (await run(script, { sandbox: { ...namespaced, writable: [path] } })).stdout
      assert.equal(await runWriting('/'), `/run:\n\n${folder}:\n2\n${folder}\n`)
      assert.match(await runWriting(tmpdir()), new RegExp(`^/run:\n\n${folder}:\n2\n${tmpdir()}`))
    })

    it('may write where a link leads, if that is there and not the data dir', async () => {
      const target = await mkdtemp(join(tmpdir(), 'plexd-test-'))
      const link = join(folder, 'link')
      await symlink(target, link)
      const write = (writable: string) =>
        run(`echo x >${target}/written`, { sandbox: { ...namespaced, writable: [writable] } })
      const { stderr } = await write(link)
      assert.equal(await readFile(join(target, 'written'), 'utf8').catch(() => stderr), 'x\n')
      await rm(target, { recursive: true })
      await assert.rejects(write(link), {
        message: `let it write "${link}": there is no such file or folder`,
      })
      await assert.rejects(write(folder), {
        message: `let it write "${folder}": it is the data dir of plexd`,
      })
    })

    it('has the network when it asks for it', async () => {
      const count = async (network: boolean) =>
        (await run('wc -l </proc/net/dev', { sandbox: { ...namespaced, network } })).stdout
      assert.notEqual(await count(true), await count(false))
    })

    it('runs a program of the data dir, as its user', async () => {
      const hook = join(folder, 'hook')
      await writeFile(hook, '#!/bin/sh\nid -u; echo "$1"\n')
      await chmod(hook, 0o755)
      const { stdout, stderr } = await run('', {
        argv: [hook, '$(id)'],
        user: 'nobody',
        sandbox: namespaced,
      })
      assert.deepEqual([stdout, stderr], ['65534\n$(id)\n', ''])
    })

    it('is asked to end, and ended whole', async () => {
      const own = join(folder, 'asked')
      await mkdir(own)
      const asked = new AbortController()
      const script = `trap "echo bye; exit 7" TERM; echo on; setsid sleep 600 & sleep 600 & touch ${own}/ready; wait`
      const sandbox = { ...namespaced, writable: [own] }
      const ended = run(script, { signal: asked.signal, sandbox })
      await until('the program heeds SIGTERM', () => existsSync(join(own, 'ready')))
      asked.abort()
      const end = await ended
      assert.deepEqual([end.exitCode, end.stdout, end.left], [7, 'on\nbye\n', []])
    })
  })

  it('is told which of its limits this machine cannot keep', async () => {
    await using bare = await openContainment({
      dataDir: folder,
      clock: systemClock,
      log: silentLog,
      find: async () => ({ byController: new Map(), pidNamespaces: true }),
    })
    const end = await bare.run({
      argv: ['/bin/true'],
      env: {},
      limits: { memoryBytes: 2 ** 30, pids: 9, cpuPercent: 50 },
      sandbox: none,
      signal: new AbortController().signal,
      outputBytes: 1_024,
    })
    assert.equal(
      outputOfContained(end).stderr,
      ['processes', 'CPU']
        .map((what) => `plexd: its limit of ${what} has no effect on this machine: plexd doctor\n`)
        .join(''),
    )
  })

  it('is refused a container where podman is missing, or without an image', async () => {
    const sandbox = { ...none, kind: 'container' } as const
    const isMissing = (await findTool('podman')) === undefined
    await assert.rejects(
      run('', { sandbox }),
      isMissing
        ? /^Error: "podman" is not installed, which runs hooks of the sandbox "container": apt-get install podman$/
        : /it has no image/,
    )
  })
})

async function groupsOf({ method }: Containment): Promise<string[]> {
  const places = [method.fence, ...Object.values(method.limits)]
  const paths = new Set(places.flatMap((place) => ('path' in place ? [place.path] : [])))
  const found = await Promise.all([...paths].map((path) => readdir(path, { withFileTypes: true })))
  return found.flat().flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
}

async function childrenOfUs(): Promise<string[]> {
  const text = await readFile(`/proc/self/task/${process.pid}/children`, 'utf8')
  return text.split(' ').filter(Boolean)
}
