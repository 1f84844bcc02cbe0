import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import fs, { closeSync, fsyncSync, openSync, readFileSync, statSync, writeSync } from 'node:fs'
import fsPromises, { mkdtemp, rm } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import {
  agentLimits,
  confirmed,
  createUpgrade,
  openVersionStore,
  planLaunch,
  rolledBack,
  type VersionState,
  withStarts,
} from '@plexd/agent'
import { goArch, releaseStatement } from '@plexd/protocol'
import { resolveLimits, silentLog, systemClock } from '@plexd/runtime'
import { hasPrivateMounts, mountSkip, runPrivately } from '../support/private-mounts.ts'
import { type LoopImage, mountLoopDisk } from './support/loop-disk.ts'

const self = { version: '1.0.0', path: '/usr/bin/plexd', isSingleFile: true, isPackaged: true }
const padding = '#'.repeat(99).concat('\n').repeat(2_000)
const content = Buffer.from(`#!/bin/sh\necho '{"version":"1.1.0"}'\n${padding}`)
const checksum = `sha256:${createHash('sha256').update(content).digest('hex')}`
const key = generateKeyPairSync('ed25519')

if (hasPrivateMounts) {
  for (const isWell of [true, false])
    it(`a power cut between any two steps leaves A or B, when B ${isWell ? 'works' : 'does not'}`, (t) =>
      cutEverywhere(isWell, (line) => t.diagnostic(line)))
  it('takes a disk that fills up as no reason to change anything', fillUp)
} else {
  it('power cuts and a full disk, in a mount namespace of their own', { skip: mountSkip }, () =>
    runPrivately(import.meta.filename, 3),
  )
}

async function cutEverywhere(isWell: boolean, say: (line: string) => void): Promise<void> {
  const place = await mkdtemp(join(tmpdir(), 'plexd-test-'))
  try {
    await using disk = mountLoopDisk(place)
    const images = await recordSteps(
      () => upgradeIn(disk.folder, isWell),
      (step) => disk.snapshot(`cut-${step}`),
    )
    const ends = []
    for (const image of images) ends.push(await image.mounted((folder) => replay(folder, isWell)))
    say(
      `${images.length} cuts: ${[...Map.groupBy(ends, (end) => end)].map(([end, all]) => `${all.length} ${end}`)}`,
    )
    assert.equal(ends[0], 'run', 'A, before anything is chosen')
    assert.ok(ends.includes('supervise'), 'B, on trial')
    assert.equal(ends.at(-1), isWell ? 'replace' : 'run')
  } finally {
    await rm(place, { recursive: true, force: true })
  }
}

/** A disk that is full in the middle of a download: A runs on, and the upgrade works once there is room. */
async function fillUp(): Promise<void> {
  const place = await mkdtemp(join(tmpdir(), 'plexd-test-'))
  try {
    await using disk = mountLoopDisk(place)
    const store = openVersionStore(disk.folder, silentLog)
    const filler = join(disk.folder, 'filler')
    await assert.rejects(
      choose(store, async function* (from) {
        yield content.subarray(from, from + 50_000)
        fill(filler)
        yield content.subarray(from + 50_000)
      }),
      /ENOSPC/,
    )
    assert.equal(store.read(), undefined)
    assert.equal(store.has('1.1.0'), false)
    await rm(filler)
    await choose(store)
    assert.ok(readFileSync(store.fileOf('1.1.0')).equals(content))
  } finally {
    await rm(place, { recursive: true, force: true })
  }
}

function fill(path: string): void {
  const file = openSync(path, 'w')
  try {
    for (;;) {
      writeSync(file, Buffer.alloc(65_536))
      fsyncSync(file)
    }
  } catch (error) {
    assert.match(String(error), /ENOSPC/)
  } finally {
    closeSync(file)
  }
}

/** All that an upgrade writes, from the first byte to its end. */
async function upgradeIn(dataDir: string, isWell: boolean): Promise<void> {
  const store = openVersionStore(dataDir, silentLog)
  if (!store.read()?.candidate) await choose(store)
  await change(store, (state) => withStarts(state, 1))
  await change(store, (state) =>
    isWell ? confirmed(state, Date.now()) : rolledBack(state, 'it ended', Date.now()),
  )
  const state = store.read()
  if (state) await store.prune(state)
}

/** Up to the moment at which it would restart. */
async function choose(store: Store, chunks = chunksFrom): Promise<void> {
  const platform = { os: process.platform, arch: goArch(process.arch) }
  const statement = releaseStatement({ version: '1.1.0', ...platform, checksum })
  const signature = sign(null, Buffer.from(statement), key.privateKey).toString('base64')
  const publicKey = key.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32)
  const upgrade = createUpgrade({
    store,
    self,
    config: {
      upgradeKeys: [publicKey.toString('base64')],
      limits: { ...resolveLimits(agentLimits, {}), upgrade_bytes: 1_000_000 },
    },
    openArtifact: async ({ from }) => ({
      size: content.length,
      from,
      checksum,
      signature,
      chunks: chunks(from),
    }),
    connectedPeers: async () => [],
    onDismissed() {},
    restart() {},
    clock: systemClock,
    log: silentLog,
  })
  const request = { version: '1.1.0', checksum, allow_downgrade: false }
  const context = { executionId: 'exec_1', triggeredBy: {}, signal: new AbortController().signal }
  await upgrade(request, context)
}

type Store = ReturnType<typeof openVersionStore>

async function change(store: Store, step: (state: VersionState) => VersionState): Promise<void> {
  const state = store.read() ?? assert.fail('there is no state')
  await store.write(step(state))
}

async function* chunksFrom(from: number) {
  for (let at = from; at < content.length; at += 50_000) yield content.subarray(at, at + 50_000)
}

/** What the next start does, whose program has to be whole; and from there the upgrade ends as it does without a cut. */
async function replay(dataDir: string, isWell: boolean): Promise<string> {
  const store = openVersionStore(dataDir, silentLog)
  const start = () =>
    planLaunch({ ...store, state: store.read(), self, trial: undefined, maxStarts: 3, nowMs: 1 })
  const plan = start()
  assert.ok(['run', 'supervise', 'replace'].includes(plan.do), plan.do)
  if ('file' in plan) {
    assert.ok(readFileSync(plan.file).equals(content), `${plan.do} what is whole`)
    assert.equal(statSync(plan.file).mode & 0o777, 0o755)
  }
  if (!store.read()?.outcome) await upgradeIn(dataDir, isWell)
  assert.equal(start().do, isWell ? 'replace' : 'run')
  return plan.do
}

/** Calls `snapshot` before and after each change of files that `work` makes. */
async function recordSteps(
  work: () => Promise<void>,
  snapshot: (step: number) => LoopImage,
): Promise<LoopImage[]> {
  const images: LoopImage[] = []
  const record = (): void => void images.push(snapshot(images.length))
  const asynchronous = ['open', 'rename', 'rm', 'chmod'] as const
  const before = { ...fsPromises }
  const { mkdirSync } = fs
  for (const name of asynchronous) {
    const real = fsPromises[name] as (...args: unknown[]) => Promise<unknown>
    Object.assign(fsPromises, {
      async [name](...args: unknown[]) {
        record()
        const done = await real(...args)
        record()
        return done
      },
    })
  }
  fs.mkdirSync = ((...args: Parameters<typeof mkdirSync>) => {
    const made = mkdirSync(...args)
    record()
    return made
  }) as typeof mkdirSync
  syncBuiltinESMExports()
  try {
    record()
    await work()
    record()
  } finally {
    for (const name of asynchronous) Object.assign(fsPromises, { [name]: before[name] })
    fs.mkdirSync = mkdirSync
    syncBuiltinESMExports()
  }
  return images
}
