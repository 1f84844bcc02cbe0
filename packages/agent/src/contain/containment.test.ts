import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { silentLog, systemClock } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import fc from 'fast-check'
import { type ContainedProgram, type Containment, openContainment } from './containment.ts'
import { findFacts, forgetFacts } from './groups/find-facts.ts'
import type { ContainFacts, Fence } from './groups/method.ts'
import { readTree } from './groups/process-tree.ts'

const isRoot = process.getuid?.() === 0
const outputBytes = 64 * 1024

/** Each way of holding processes together that this machine has, whatever it would choose. */
const ways: { name: string; kind: Fence['kind']; narrow(found: ContainFacts): ContainFacts }[] = [
  {
    name: 'a control group of version 2',
    kind: 'cgroup',
    narrow: ({ unified, ...rest }) => ({
      ...rest,
      ...(unified ? { unified } : {}),
      byController: new Map(),
    }),
  },
  {
    name: 'control groups of version 1',
    kind: 'cgroup',
    narrow: ({ unified: _, ...rest }) => rest,
  },
  {
    name: 'a PID namespace',
    kind: 'pid-namespace',
    narrow: () => ({ byController: new Map(), pidNamespaces: true }),
  },
]

const plain = {
  env: { PATH: '/usr/bin:/bin' },
  limits: {},
  sandbox: { kind: 'none', network: false, writable: [] },
  signal: new AbortController().signal,
  outputBytes,
} as const

function aborted(ms: number): { signal: AbortSignal } {
  return { signal: AbortSignal.timeout(ms) }
}

const sleeper = `exec -a MARK sleep 600`
const stubborn = {
  'ignores SIGTERM': `bash -c 'trap "" TERM; exec -a MARK sleep 600'`,
  'leaves its session': `setsid bash -c '${sleeper}' & setsid bash -c 'trap "" TERM; ${sleeper}' & sleep 600`,
  'forks twice': `(bash -c '(trap "" TERM; setsid bash -c "${sleeper}" &) & ' &) ; sleep 600`,
} as const

/** What a program does. */
const { program } = fc.letrec<{ program: string; step: string }>((tie) => ({
  program: fc.array(tie('step'), { minLength: 1, maxLength: 4 }).map((steps) => steps.join('; ')),
  step: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(
      'sleep 600',
      'sleep 0.1',
      'exit 3',
      'trap "" TERM',
      'trap "exit 4" TERM',
      'exec >&- 2>&-',
      'head -c 200000 /dev/zero',
      'echo text >&2',
      'kill -9 $BASHPID',
      'kill -STOP $BASHPID',
      'cd /nowhere',
      'wait',
    ),
    tie('program').map((inner) => `( ${inner} )`),
    tie('program').map((inner) => `( ${inner} ) & true`),
    tie('program').map((inner) => `( ( ${inner} ) & ) & true`),
    tie('program').map((inner) => `setsid bash -c ${quote(inner)} & true`),
    tie('program').map((inner) => `( ${inner} ) | cat`),
  ),
}))

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

for (const { name, kind, narrow } of ways)
  describe(`a program in ${name}`, { skip: !isRoot && 'needs root' }, () => {
    let folder: string
    let containment: Containment
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'plexd-test-'))
      containment = await openContainment({
        ...{ dataDir: folder, clock: systemClock, log: silentLog },
        async find(base) {
          const found = await findFacts(base)
          const facts = narrow(found)
          await forgetFacts(without(found, facts))
          return facts
        },
      })
    })
    after(async () => {
      await containment[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    })
    const isThere = (): boolean => containment.method.fence.kind === kind
    const run = (script: string, changes: Partial<ContainedProgram> = {}) =>
      containment.run({ ...plain, argv: ['/bin/sh', '-c', script], ...changes })
    const mark = (): string => `plexd-test-${crypto.randomUUID()}`

    it('has its output, exit code and nothing of ours', async (t) => {
      if (!isThere()) return t.skip('not on this machine')
      const end = await run(
        'echo out; echo err >&2; read line; env; ls /proc/self/fd | wc -l; exit 3',
        {
          env: { PATH: '/usr/bin:/bin', SECRET: 'a b\n$c' },
        },
      )
      assert.deepEqual(
        [end.exitCode, end.stderr, end.killedBy, end.left],
        [3, 'err\n', undefined, []],
      )
      assert.match(end.stdout, /^out\n/)
      assert.deepEqual(
        new Set(
          end.stdout
            .split('\n')
            .slice(1, -1)
            .filter((line) => !/^(PWD|\$c)/.test(line)),
        ),
        new Set(['PATH=/usr/bin:/bin', 'SECRET=a b', '4']),
        'the shell of the test adds PWD',
      )
    })

    it('can open its output by name, and write what is no text', async (t) => {
      if (!isThere()) return t.skip('not on this machine')
      const { stdout } = await run('echo named >/dev/stdout; printf "\\377\\000x"')
      assert.equal(stdout, 'named\n\ufffd\0x')
    })

    it('is ended by a signal', async (t) => {
      if (!isThere()) return t.skip('not on this machine')
      assert.equal((await run('kill -SEGV $$')).exitCode, 139)
    })

    it('is asked to end, and has time to', async (t) => {
      if (!isThere()) return t.skip('not on this machine')
      const ready = join(folder, `ready-${mark()}`)
      const asked = new AbortController()
      const script = `trap "echo bye; exit 7" TERM; echo on; sleep 60 & touch ${ready}; wait`
      const ended = run(script, { signal: asked.signal })
      await until('the program heeds SIGTERM', () => existsSync(ready))
      asked.abort()
      const end = await ended
      assert.deepEqual([end.exitCode, end.stdout], [7, 'on\nbye\n'])
    })

    for (const [what, script] of Object.entries(stubborn))
      it(`is ended whole when it ${what}`, async (t) => {
        if (!isThere()) return t.skip('not on this machine')
        const sign = mark()
        const startedMs = performance.now()
        await run(script.replaceAll('MARK', sign), { ...aborted(400), graceMs: 300 })
        assert.ok(performance.now() - startedMs < 10_000)
        assert.deepEqual(await withMark(sign), [])
      })

    it('is ended whole when it is a fork bomb', async (t) => {
      if (!isThere()) return t.skip('not on this machine')
      const sign = mark()
      const bomb = `b() { b & b & trap "" TERM; sleep 600; }; b # ${sign}`
      // As a user for whom a limit of processes counts where there are no groups of them.
      const bounds = { user: 'nobody', limits: { pids: 100 }, ...aborted(700), graceMs: 300 }
      const end = await run('', { argv: ['/bin/bash', '-c', bomb], ...bounds })
      assert.ok(end.exitCode > 0)
      assert.deepEqual(await withMark(sign), [])
    })

    it('does not leave a grandchild that keeps its output, nor wait for it', async (t) => {
      if (!isThere()) return t.skip('not on this machine')
      const sign = mark()
      const script = `(sleep 0.1; echo late; exec -a ${sign} sleep 600) & echo done`
      const end = await run('', { argv: ['/bin/bash', '-c', script] })
      assert.deepEqual(
        [end.exitCode, end.stdout],
        [0, kind === 'pid-namespace' ? 'done\n' : 'done\nlate\n'],
      )
      assert.deepEqual(await withMark(sign), [])
    })

    it('leaves nothing, whatever it is made of, and ends in time', async (t) => {
      if (!isThere()) return t.skip('not on this machine')
      await fc.assert(
        fc.asyncProperty(program, fc.integer({ min: 50, max: 600 }), async (script, ms) => {
          const sign = mark()
          const end = await run('', {
            argv: ['/bin/bash', '-c', script],
            env: { PATH: '/usr/bin:/bin', MARK: sign },
            ...aborted(ms),
            graceMs: 200,
          })
          assert.deepEqual([end.left, await withMark(sign)], [[], []])
          assert.ok(Math.max(end.stdout.length, end.stderr.length) <= outputBytes)
        }),
        { numRuns: 15, interruptAfterTimeLimit: 20_000 },
      )
    })

    it('may close its output and go on', async (t) => {
      if (!isThere()) return t.skip('not on this machine')
      assert.equal((await run('exec >&- 2>&-; sleep 0.2; exit 4')).exitCode, 4)
    })
  })

/** What of the facts is not used. */
function without(found: ContainFacts, used: ContainFacts): ContainFacts {
  const { unified, byController, pidNamespaces } = found
  return {
    ...(unified && !used.unified ? { unified } : {}),
    byController: used.byController === byController ? new Map() : byController,
    pidNamespaces,
  }
}

/** Processes that have it in their command line or their environment. */
async function withMark(text: string): Promise<number[]> {
  const found = (await readTree()).map(async ({ pid }) => {
    const files = ['cmdline', 'environ'].map((file) =>
      readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => ''),
    )
    return (await Promise.all(files)).join('').includes(text) ? [pid] : []
  })
  return (await Promise.all(found)).flat()
}
