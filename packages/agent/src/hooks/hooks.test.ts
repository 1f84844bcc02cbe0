import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import {
  chmod,
  chown,
  link,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { aSmallDisk, until } from '@plexd/runtime/testing'
import { type HookPlace, makeHookPlace, runAction } from './testing/hook-place.ts'

const isRoot = process.geteuid?.() === 0
const script = (body: string): string => `#!/bin/sh\n${body}\n`

/** State and reason by name. */
function statesOf(hooks: { list(): { hooks: { name: string; state: string }[] } }) {
  return Object.fromEntries(hooks.list().hooks.map(({ name, state }) => [name, state]))
}

describe('startHooks', () => {
  it('offers the executable files of its folder, with their checksum', async () => {
    await using place = await makeHookPlace()
    await place.write('backup', script('echo done'))
    await place.write('README', 'no hook', 0o644)
    await using hooks = await place.start()

    assert.deepEqual(
      place.catalog
        .all()
        .map(({ type, name, timeoutMs, sandbox }) => ({ type, name, timeoutMs, sandbox })),
      [{ type: 'hook', name: 'backup', timeoutMs: 30_000, sandbox: 'none' }],
    )
    assert.match(place.catalog.find('backup')?.checksum ?? '', /^sha256:[0-9a-f]{64}$/)
    assert.deepEqual(statesOf(hooks), { backup: 'ready' })
    assert.deepEqual(await runAction(place.catalog, 'backup'), {
      exit_code: 0,
      stdout: 'done\n',
      stderr: '',
    })
  })

  it('names a hook whose user or sandbox the machine lacks, which is no violation', async () => {
    await using place = await makeHookPlace()
    await place.write('backup', script('echo done'))
    await place.write('backup.json', JSON.stringify({ user: 'plexd-nobody-has-this-name' }), 0o644)
    await using hooks = await place.start()

    await until('it is announced', () => place.catalog.find('backup') !== undefined)
    await hooks.reload()
    const [hook] = hooks.list().hooks
    assert.equal(hook?.state, 'lacking')
    assert.match(hook.reason, /^run as "plexd-nobody-has-this-name": there is no such user: create/)
    assert.match(JSON.stringify(place.problems.list()), /hook \\"backup\\" does not run: run as/)
    assert.deepEqual(place.violations, [])
    await assert.rejects(runAction(place.catalog, 'backup'), /there is no such user/)
  })

  it('gives a hook its parameters and who it is, and nothing else', async () => {
    await using place = await makeHookPlace()
    await place.write('show', script('exec /usr/bin/env -0'))
    await place.write(
      'show.json',
      JSON.stringify({
        parameters: [
          { name: 'target-dir', type: 'string', required: true },
          { name: 'compress', type: 'bool', default: 'true' },
          { name: 'level', type: 'int', enum: [1, 9] },
        ],
      }),
      0o644,
    )
    await using _ = await place.start()
    process.env.PLEXD_BOOTSTRAP_TOKEN = 'plx_enroll_secret'
    const value = `$(touch /tmp/x); "'\n\` ${'x'.repeat(32 * 1024)}`
    const { stdout } = await runAction(place.catalog, 'show', { 'target-dir': value, level: '9' })
    delete process.env.PLEXD_BOOTSTRAP_TOKEN

    const variables = Object.fromEntries(
      stdout.split('\0').flatMap((line) => {
        const at = line.indexOf('=')
        return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)]]
      }),
    )
    // What a shell sets by itself.
    for (const own of ['PWD', 'SHLVL', 'OLDPWD', '_']) delete variables[own]
    const { HOME, PATH, ...rest } = variables
    assert.ok(HOME && PATH)
    assert.deepEqual(rest, {
      PLEXD_PARAM_TARGET_DIR: value,
      PLEXD_PARAM_COMPRESS: 'true',
      PLEXD_PARAM_LEVEL: '9',
      PLEXD_EXECUTION_ID: 'exec_1',
      PLEXD_ACTION_NAME: 'show',
      PLEXD_NODE_ID: 'n_test',
    })
  })

  it('refuses parameters that are not as declared', async () => {
    await using place = await makeHookPlace()
    await place.write('show', script('true'))
    await place.write('show.yaml', 'parameters: [{name: who, pattern: "^[a-z]+$"}]', 0o644)
    await using _ = await place.start()
    for (const [received, why] of [
      [{ who: 'A' }, /who "A": want a text that matches/],
      [{ who: 'a\0b' }, /who/],
      [{ other: 'a' }, /"other" is not a parameter/],
    ] as const)
      await assert.rejects(runAction(place.catalog, 'show', received), {
        name: 'RangeError',
        message: why,
      })
  })

  it('refuses a zero byte, and what is longer than the kernel takes', async () => {
    await using place = await makeHookPlace()
    await place.write('show', script('true'))
    await place.write('show.yaml', 'parameters: [{name: who}]', 0o644)
    await using _ = await place.start()
    await assert.rejects(runAction(place.catalog, 'show', { who: 'a\0b' }), /who has a zero byte/)
    await assert.rejects(
      runAction(place.catalog, 'show', { who: 'x'.repeat(200_000) }),
      /who has 200000 bytes: want 102400 or fewer/,
    )
  })

  it('takes the checksum of a request with and without the name of its algorithm', async () => {
    await using place = await makeHookPlace()
    await place.write('backup', script('echo done'))
    await using _ = await place.start()
    const checksum = place.catalog.find('backup')?.checksum ?? ''
    for (const expected of [checksum, checksum.slice('sha256:'.length), ''])
      assert.equal((await runAction(place.catalog, 'backup', {}, expected)).exit_code, 0)
    await assert.rejects(runAction(place.catalog, 'backup', {}, `sha256:${'0'.repeat(64)}`), {
      name: 'ActionRefusal',
      message: 'integrity violation',
    })
  })

  it('says of a request from before a reload what it was for, and what is there now', async () => {
    await using place = await makeHookPlace()
    await place.write('backup', script('echo one'))
    await using hooks = await place.start()
    const before = place.catalog.find('backup')?.checksum ?? ''
    await place.write('backup', script('echo two'))
    await hooks.reload()
    const after = place.catalog.find('backup')?.checksum ?? ''
    const told = place.violations.length
    await assert.rejects(runAction(place.catalog, 'backup', {}, before), {
      message: 'integrity violation',
    })
    const { expected_checksum, actual_checksum, detail } = place.violations[told] ?? {}
    assert.notEqual(before, after)
    assert.deepEqual([expected_checksum, actual_checksum], [before, after])
    assert.match(detail ?? '', /^the request is for another file.*reloaded.*ask for it again$/)
  })

  it('refuses a hook that was changed, says so, and runs it once it is announced anew', async () => {
    await using place = await makeHookPlace()
    await place.write('backup', script('echo one'))
    await using hooks = await place.start()
    const before = place.catalog.find('backup')?.checksum
    await place.write('backup', script('echo two'))

    await assert.rejects(runAction(place.catalog, 'backup'), /^ActionRefusal: integrity violation$/)
    assert.equal(place.catalog.find('backup')?.checksum, before)
    assert.match(place.problems.of('hooks'), /^hook "backup" does not run: .*plexd hooks reload/)
    assert.partialDeepStrictEqual(place.violations, [
      { path: place.path('backup'), expected_checksum: before },
    ])
    assert.equal(place.violations.length, 1)

    const { hooks: listed } = await hooks.reload()
    assert.equal(listed[0]?.state, 'ready')
    assert.notEqual(place.catalog.find('backup')?.checksum, before)
    assert.equal((await runAction(place.catalog, 'backup')).stdout, 'two\n')
    assert.equal(place.problems.of('hooks'), '')
  })

  it('runs a hook again that was put back', async () => {
    await using place = await makeHookPlace()
    await place.write('backup', script('echo one'))
    await using hooks = await place.start()
    await place.write('backup', script('echo two'))
    await until('the change', () => statesOf(hooks).backup === 'changed')
    await place.write('backup', script('echo one'))
    assert.equal((await runAction(place.catalog, 'backup')).stdout, 'one\n')
  })

  it('notices what was changed while it did not run', async () => {
    await using place = await makeHookPlace()
    await place.write('backup', script('echo one'))
    await (await place.start())[Symbol.asyncDispose]()
    await rm(place.path('backup'))
    await (await place.start())[Symbol.asyncDispose]()
    await place.write('backup', script('echo two'))
    await using hooks = await place.start()
    assert.deepEqual(statesOf(hooks), { backup: 'changed' })
    assert.equal(place.violations.length, 1)
    await assert.rejects(runAction(place.catalog, 'backup'), /integrity violation/)
  })

  it('runs none whose announced checksum is lost, until it is announced anew', async () => {
    await using place = await makeHookPlace()
    await place.write('backup', script('echo one'))
    await (await place.start())[Symbol.asyncDispose]()
    await writeFile(join(place.dataDir, 'hooks.json'), '{"backup": ')
    await using hooks = await place.start()
    assert.deepEqual(statesOf(hooks), { backup: 'changed' })
    await hooks.reload()
    assert.equal((await runAction(place.catalog, 'backup')).stdout, 'one\n')
  })

  it('treats a changed declaration like a changed file', async () => {
    await using place = await makeHookPlace()
    await place.write('backup', script('echo one'))
    await place.write('backup.yaml', 'user: nobody\nsandbox: namespaced\n', 0o644)
    await using hooks = await place.start()
    await rm(place.path('backup.yaml'))
    await until('the change', () => statesOf(hooks).backup === 'changed')
    await assert.rejects(runAction(place.catalog, 'backup'), /integrity violation/)
    assert.match(place.violations[0]?.detail ?? '', /^its declaration is another/)
  })

  it('follows its folder: new hooks come, others go, and a folder may be made later', async () => {
    await using place = await makeHookPlace()
    await rm(place.hooksDir, { recursive: true })
    await using hooks = await place.start()
    assert.deepEqual(hooks.list(), { hooks: [], warnings: [] })
    await mkdir(place.hooksDir, { mode: 0o755 })
    await place.write('one', script('echo 1'))
    await until('the first', () => place.catalog.find('one'))
    await place.write('.two', script('echo 2'))
    await rename(place.path('.two'), place.path('two'))
    await until('the second', () => place.catalog.find('two'))
    await rm(place.path('one'))
    await until('that the first is gone', () => !place.catalog.find('one'))
  })

  it('runs what it has checked, whatever becomes of the file in between', async () => {
    await using place = await makeHookPlace()
    const gate = join(place.folder, 'gate')
    await place.write('slow', script(`while [ ! -e ${gate} ]; do sleep 0.01; done\necho first`))
    await using _ = await place.start()
    const prepared = await place.catalog.find('slow')?.prepare({})
    // Swapped after the check.
    await place.write('.evil', script('echo evil'))
    await rename(place.path('.evil'), place.path('slow'))
    const running = prepared?.({
      signal: new AbortController().signal,
      executionId: 'exec_1',
      action: 'slow',
      triggeredBy: {},
      outputBytes: 65_536,
    })
    // Rewritten in place while it runs, as a shell that reads on would notice.
    await writeFile(place.path('slow'), script(`${'\n'.repeat(200)}echo evil`))
    await writeFile(gate, '')
    assert.equal((await running)?.stdout, 'first\n')
  })

  it('leaves no copy behind, also not of a daemon that was killed', async () => {
    await using place = await makeHookPlace()
    await place.write('backup', script('echo "$0"'))
    await mkdir(join(place.dataDir, 'hook-copies', 'run-old'), { recursive: true })
    await using _ = await place.start()
    const { stdout } = await runAction(place.catalog, 'backup')
    assert.match(stdout, /\/hook-copies\/run-[^/]+\/backup\n$/)
    assert.deepEqual(await readdir(join(place.dataDir, 'hook-copies')), [])
  })

  it('runs hooks while its disk is full, and writes what it announced when there is room', async (test) => {
    await using disk = await aSmallDisk()
    if (!disk) return test.skip('nothing can be mounted here')
    await using place = await makeHookPlace()
    await place.write('backup', script('echo done'))
    await disk.fill()
    let failures = 0
    await using _ = await place.start({
      config: { ...place.config, dataDir: disk.path, hooksCheckMs: 50 },
      onFailure: () => failures++,
    })
    assert.ok(failures > 0)
    assert.equal((await runAction(place.catalog, 'backup')).stdout, 'done\n')
    await disk.clear()
    await until('the file', () => existsSync(join(disk.path, 'hooks.json')))
  })

  it('tells of each deviation once', async () => {
    await using place = await makeHookPlace()
    await place.write('backup', script('echo one'))
    await using hooks = await place.start({ config: { ...place.config, hooksCheckMs: 50 } })
    await place.write('backup', script('echo two'))
    await until('the change', () => statesOf(hooks).backup === 'changed')
    for (let at = 0; at < 3; at++)
      await assert.rejects(runAction(place.catalog, 'backup'), /integrity violation/)
    assert.equal(place.violations.length, 1)
    await chmod(place.path('backup'), 0o777)
    await until('the mode', () => statesOf(hooks).backup === 'refused')
    assert.equal(place.violations.length, 2)
  })
})

describe('the files of hooks', () => {
  const cases: [string, RegExp, (place: HookPlace) => Promise<void>][] = [
    [
      'a file that others may write',
      /"\S+hook" can be changed by others than its owner \(mode 0777\): chmod go-w \S+hook$/,
      (place) => place.write('hook', script('true'), 0o777),
    ],
    [
      'a folder that others may write',
      /folder "\S+hooks\.d" can be changed by others.*: chmod go-w /,
      async (place) => {
        await place.write('hook', script('true'))
        await chmod(place.hooksDir, 0o775)
      },
    ],
    [
      'a folder in which others may put files, sticky or not',
      /folder "\S+hooks\.d" can be changed by others.*: chmod go-w /,
      async (place) => {
        await place.write('hook', script('true'))
        await chmod(place.hooksDir, 0o1777)
      },
    ],
    [
      'a folder above that others may write',
      /folder "\S+plexd-test-\w+" can be changed by others/,
      async (place) => {
        await place.write('hook', script('true'))
        await chmod(place.folder, 0o777)
      },
    ],
    [
      'a link out of the folder',
      /it leads out of "\S+hooks\.d", to "\S+outside": move the file there/,
      async (place) => {
        await writeFile(join(place.folder, 'outside'), script('true'), { mode: 0o755 })
        await symlink('../outside', place.path('hook'))
      },
    ],
    [
      'a link to a folder outside',
      /it leads out of/,
      async (place) => {
        await mkdir(join(place.folder, 'out'))
        await writeFile(join(place.folder, 'out', 'x'), script('true'), { mode: 0o755 })
        await symlink(join(place.folder, 'out'), place.path('in'))
        await symlink('in/x', place.path('hook'))
      },
    ],
    [
      'a named pipe',
      /it is a named pipe: want a file/,
      async (place) => void execFileSync('/usr/bin/mkfifo', ['-m', '755', place.path('hook')]),
    ],
    [
      'a link to a device',
      /it leads out of "\S+", to "\/dev\/zero"/,
      async (place) => {
        await symlink('/dev/zero', place.path('hook'))
        await place.write('hook.json', '{}', 0o644)
      },
    ],
    [
      'links in a circle',
      /ELOOP/,
      async (place) => {
        await symlink('hook', place.path('hook'))
        await place.write('hook.json', '{}', 0o644)
      },
    ],
    [
      'a declaration with two fields of one name',
      /Map keys must be unique/,
      async (place) => {
        await place.write('hook', script('true'))
        await place.write('hook.json', '{"timeout":"1s","timeout":"2s"}', 0o644)
      },
    ],
    [
      'a broken declaration',
      /parse "\S+hook\.json"/,
      async (place) => {
        await place.write('hook', script('true'))
        await place.write('hook.json', '{"timeout"', 0o644)
      },
    ],
    [
      'a huge declaration',
      /its declaration "\S+": it is larger than 65536 bytes/,
      async (place) => {
        await place.write('hook', script('true'))
        await place.write('hook.json', `{"description":"${'x'.repeat(70_000)}"}`, 0o644)
      },
    ],
    [
      'a deep declaration',
      /./,
      async (place) => {
        await place.write('hook', script('true'))
        await place.write('hook.json', `{"x":${'['.repeat(30_000)}`, 0o644)
      },
    ],
    [
      'a declaration that others may write',
      /its declaration "\S+hook\.json": "\S+hook\.json" can be changed by others/,
      async (place) => {
        await place.write('hook', script('true'))
        await place.write('hook.json', '{}', 0o666)
      },
    ],
    [
      'a declaration by a link that leads nowhere',
      /its declaration "\S+hook\.json": ENOENT/,
      async (place) => {
        await place.write('hook', script('true'))
        await symlink('nowhere', place.path('hook.json'))
      },
    ],
    [
      'two declarations',
      /"\S+hook\.json" and "\S+hook\.yaml" both declare it/,
      async (place) => {
        await place.write('hook', script('true'))
        await place.write('hook.json', '{}', 0o644)
        await place.write('hook.yaml', '{}', 0o644)
      },
    ],
    [
      'a declared file that is not executable',
      /"\S+hook" is not executable: chmod \+x \S+hook$/,
      async (place) => {
        await place.write('hook', script('true'), 0o644)
        await place.write('hook.json', '{}', 0o644)
      },
    ],
    [
      'a declared folder',
      /it is a folder: want a file/,
      async (place) => {
        await mkdir(place.path('hook'))
        await place.write('hook.json', '{}', 0o644)
      },
    ],
    [
      'parameters that would share a variable',
      /parameters "a-b" and "a_B" would both be PLEXD_PARAM_A_B/,
      async (place) => {
        await place.write('hook', script('true'))
        await place.write('hook.yaml', 'parameters: [{name: a-b}, {name: a_B}]', 0o644)
      },
    ],
  ]
  for (const [what, why, arrange] of cases)
    it(`refuses ${what}`, async () => {
      await using place = await makeHookPlace()
      await arrange(place)
      await using hooks = await place.start()
      const hook = hooks.list().hooks.find(({ name }) => name === 'hook')
      assert.match(hook?.reason ?? '', why)
      assert.equal(hook?.state, 'refused')
      assert.equal(place.catalog.find('hook'), undefined)
      assert.match(place.problems.of('hooks'), /^hook "hook" does not run: /)
      assert.deepEqual(place.violations, [])
    })

  it("refuses a hard link to another user's file", { skip: !isRoot }, async () => {
    await using place = await makeHookPlace()
    const outside = join(place.folder, 'outside')
    await writeFile(outside, script('true'), { mode: 0o755 })
    await chown(outside, 65_534, 65_534)
    await link(outside, place.path('hook'))
    await using hooks = await place.start()
    assert.match(
      hooks.list().hooks[0]?.reason ?? '',
      /"\S+hook" belongs to another user \(uid 65534\): chown 0 \S+hook$/,
    )
  })

  it('refuses a device', { skip: !isRoot }, async (test) => {
    await using place = await makeHookPlace()
    try {
      execFileSync('/usr/bin/mknod', ['-m', '755', place.path('hook'), 'c', '1', '5'])
    } catch {
      return test.skip('no device can be made here')
    }
    await using hooks = await place.start()
    assert.match(hooks.list().hooks[0]?.reason ?? '', /it is a device: want a file/)
  })

  it('follows a link that stays in the folder', async () => {
    await using place = await makeHookPlace()
    await place.write('real', script('basename "$0"'))
    await symlink('real', place.path('other'))
    await using _ = await place.start()
    assert.equal((await runAction(place.catalog, 'other')).stdout, 'other\n')
  })

  it('names fields that nobody reads', async () => {
    await using place = await makeHookPlace()
    await place.write('hook', script('true'))
    await place.write(
      'hook.json',
      '{"timeuot":"1s","parameters":[{"name":"a","typ":"int"}]}',
      0o644,
    )
    await using hooks = await place.start()
    assert.deepEqual(hooks.list().hooks[0]?.warnings, [
      'its declaration has a field "timeuot" that nobody reads',
      'its declaration has a field "parameters[0].typ" that nobody reads',
    ])
    assert.equal(place.logged.length, 2)
  })

  it('takes no name that could be a path or an action of plexd', async () => {
    await using place = await makeHookPlace()
    for (const name of ['naïve', 'a b', 'system.info', '-x', 'x'.repeat(65)])
      await place.write(name, script('true'))
    await using hooks = await place.start({
      config: {
        ...place.config,
        hookDefinitions: [
          { name: '../x', path: 'a b' },
          { name: 'a/b', path: 'naïve' },
          { name: 'out', path: '../outside' },
          { path: 'x' },
        ],
      },
    })
    assert.deepEqual(place.catalog.all(), [])
    assert.ok(hooks.list().hooks.every(({ state }) => state === 'refused'))
  })

  it('leaves out what is beyond its limit, and does not choke on many files', async () => {
    await using place = await makeHookPlace()
    for (let at = 0; at < 10_000; at++)
      writeFileSync(place.path(`h${String(at).padStart(5, '0')}`), '#!/bin/sh\n', { mode: 0o755 })
    await using hooks = await place.start()
    const { hooks: listed, warnings } = hooks.list()
    assert.equal(listed.length, 200)
    assert.match(
      warnings[0] ?? '',
      /^there are 10000 hooks, and the last 9800 by name are left out/,
    )
  })

  it('takes what the config file declares instead', async () => {
    await using place = await makeHookPlace()
    await place.write('backup.sh', script('echo "$PLEXD_ACTION_NAME $PLEXD_PARAM_COMPRESS"'))
    const definition = {
      name: 'backup',
      path: place.path('backup.sh'),
      description: 'Run incremental backup of application data',
      parameters: [{ name: 'compress', type: 'bool', default: 'true' }],
      timeout: '300s',
      resources: { cpu: '1.0', memory: '512M' },
    }
    await using hooks = await place.start({
      config: { ...place.config, hookDefinitions: [definition] },
    })
    assert.partialDeepStrictEqual(hooks.list(), {
      hooks: [{ name: 'backup', state: 'ready', timeout: '5m0s' }],
      warnings: [],
    })
    assert.equal((await runAction(place.catalog, 'backup')).stdout, 'backup true\n')
    assert.equal(place.catalog.find('backup.sh'), undefined)
  })

  it('refuses two of one name', async () => {
    await using place = await makeHookPlace()
    await place.write('backup', script('true'))
    await place.write('other', script('true'))
    const definition = { name: 'backup', path: 'other' }
    await using hooks = await place.start({
      config: { ...place.config, hookDefinitions: [definition] },
    })
    assert.deepEqual(
      hooks.list().hooks.map(({ name, state }) => [name, state]),
      [
        ['backup', 'refused'],
        ['backup', 'refused'],
      ],
    )
  })

  it('says why its folder cannot be read', async () => {
    await using place = await makeHookPlace()
    await rm(place.hooksDir, { recursive: true })
    await writeFile(place.hooksDir, '')
    await using hooks = await place.start()
    assert.match(hooks.list().warnings[0] ?? '', /^the folder of hooks cannot be read: ENOTDIR/)
    assert.notEqual(place.problems.of('hooks'), '')
  })

  it('keeps what it announced in a file of its own', async () => {
    await using place = await makeHookPlace()
    await place.write('backup', script('true'))
    await using _ = await place.start()
    const text = await readFile(join(place.dataDir, 'hooks.json'), 'utf8')
    assert.deepEqual(JSON.parse(text), {
      backup: { checksum: place.catalog.find('backup')?.checksum },
    })
  })
})
