import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmod, chown, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { makeFolder } from '../../testing/node.ts'
import { copyPlaces, copyProgram, removeCopies } from './private-copy.ts'

const isRoot = process.geteuid?.() === 0
const script = (first: string, body: string): Buffer => Buffer.from(`#!${first}\n${body}\n`)

const scripts: [string, Buffer][] = [
  ['sh', script('/bin/sh', 'echo "$0"')],
  ['bash', script('/bin/bash', 'echo "$0"')],
  ['python3', script('/usr/bin/env python3', 'import sys; print(sys.argv[0])')],
]

async function makePlaces() {
  const folder = await makeFolder()
  const places = copyPlaces({
    dataDir: join(folder.path, 'data'),
    socketPath: join(folder.path, 'run', 'api.sock'),
  })
  await mkdir(join(folder.path, 'data'), { mode: 0o700 })
  await mkdir(join(folder.path, 'run'), { mode: 0o755 })
  return { ...folder, places }
}

describe('copyProgram', () => {
  it('runs scripts of any interpreter, which are told a name that says something', async () => {
    await using folder = await makePlaces()
    for (const [name, program] of scripts) {
      await using copy = await copyProgram(program, { name, ...folder, isForOthers: false })
      assert.match(run(copy.argv), new RegExp(`/data/hook-copies/run-\\w+/${name}\n$`))
      const { mode } = await stat(copy.argv.at(-1) ?? '')
      assert.equal(mode & 0o222, 0, 'nobody may write it')
    }
    assert.deepEqual(await readdir(folder.places.own), [])
  })

  it('puts it where another user can come', { skip: !isRoot }, async () => {
    await using folder = await makePlaces()
    execFileSync('/bin/chmod', ['755', folder.path])
    const [, program] = scripts[0] ?? []
    assert.ok(program)
    await using copy = await copyProgram(program, { name: 'sh', ...folder, isForOthers: true })
    const asNobody = ['--reuid=65534', '--clear-groups', '--', ...copy.argv]
    assert.match(execFileSync('/usr/bin/setpriv', asNobody, { encoding: 'utf8' }), /\/sh\n$/)
    // It cannot find the copies of other runs.
    assert.throws(() =>
      execFileSync(
        '/usr/bin/setpriv',
        ['--reuid=65534', '--clear-groups', 'ls', folder.places.shared],
        {
          stdio: 'ignore',
        },
      ),
    )
  })

  it('puts it in no folder that another user has made, nor removes anything there', {
    skip: !isRoot,
  }, async () => {
    await using folder = await makePlaces()
    const { own, shared } = folder.places
    await chmod(folder.path, 0o755)
    for (const place of [own, shared]) {
      await mkdir(place)
      await writeFile(join(place, 'mark'), '')
      await chown(place, 65_534, 65_534)
    }
    await removeCopies(folder.places)
    for (const isForOthers of [true, false])
      await assert.rejects(
        copyProgram(Buffer.from('#!/bin/sh\n'), { name: 'x', ...folder, isForOthers }),
        /folder "\S+\/hook-copies-\w+" belongs to another user \(uid 65534\): chown 0 /,
      )
    assert.deepEqual([await readdir(own), await readdir(shared)], [['mark'], ['mark']])
  })

  it('says which folder keeps another user out', { skip: !isRoot }, async () => {
    await using folder = await makePlaces()
    execFileSync('/bin/chmod', ['700', folder.path])
    await assert.rejects(
      copyProgram(Buffer.from('#!/bin/sh\n'), { name: 'x', ...folder, isForOthers: true }),
      /copy hook "x" to run it: "\S+" lets no other user through.*: chmod o\+x \S+$/,
    )
  })

  it('runs scripts where the file system takes no programs, and says so of others', {
    skip: !isRoot,
  }, async () => {
    await using folder = await makePlaces()
    await using _data = await mountNoexec(join(folder.path, 'data'))
    await using _run = await mountNoexec(join(folder.path, 'run'))
    for (const [name, program] of scripts) {
      await using copy = await copyProgram(program, { name, ...folder, isForOthers: false })
      assert.match(run(copy.argv), new RegExp(`/${name}\n$`))
    }
    await assert.rejects(
      copyProgram(Buffer.from('\x7fELF'), { name: 'x', ...folder, isForOthers: false }),
      /"\S+hook-copies" is on a file system that runs no programs \(noexec\), and the hook is no script; "\S+" is on/,
    )
  })

  it('runs a program beside the socket if the data dir takes none', { skip: !isRoot }, async () => {
    await using folder = await makePlaces()
    await using _data = await mountNoexec(join(folder.path, 'data'))
    await using copy = await copyProgram(await readFile('/bin/true'), {
      name: 'x',
      ...folder,
      isForOthers: false,
    })
    assert.ok(copy.argv[0].startsWith(folder.places.shared))
    assert.equal(run(copy.argv), '')
  })
})

function run([program, ...args]: readonly [string, ...string[]]): string {
  return execFileSync(program, args, { encoding: 'utf8' })
}

async function mountNoexec(path: string): Promise<AsyncDisposable> {
  execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', 'noexec,mode=0755,size=4m', 'tmpfs', path])
  return { [Symbol.asyncDispose]: async () => void execFileSync('/bin/umount', ['-l', path]) }
}
