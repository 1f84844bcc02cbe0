import { chmod, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import {
  compareVersions,
  goArch,
  isVersion,
  normalChecksum,
  type TriggeredBy,
} from '@plexd/protocol'
import { type Clock, execBuild, type Log, makeFolder, syncFolder } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import type { OpenArtifact } from '../control/stream/download.ts'
import { fetchBuild } from './fetch-build.ts'
import { checkSignature, loadReleaseKeys } from './release-keys.ts'
import { notSingleFile, type Self } from './self.ts'
import { initialState, withCandidate } from './version-state.ts'
import type { VersionStore } from './version-store.ts'

export interface UpgradeRequest {
  version: string
  checksum: string
  allow_downgrade: boolean
}

/** The execution that asks for it. */
export interface UpgradeContext {
  executionId: string
  triggeredBy: TriggeredBy
  signal: AbortSignal
}

export interface UpgraderDeps {
  store: VersionStore
  self: Self
  config: Pick<AgentConfig, 'upgradeKeys' | 'limits'>
  openArtifact: OpenArtifact
  /** The ids of the peers with which there is a session. */
  connectedPeers(): Promise<string[]>
  /** A version that was rolled back is not wanted any more. */
  onDismissed(): void
  restart(): void
  clock: Clock
  log: Log
}

/**
 * Resolves, to what it has done in words, when plexd is about to restart as the new version, or when nothing is to be
 * done. Rejects with the reason, and nothing but a part of the download has changed.
 */
export type Upgrade = (request: UpgradeRequest, context: UpgradeContext) => Promise<string>

export function createUpgrade(deps: UpgraderDeps): Upgrade {
  const { store, self, clock } = deps
  let isBusy = false

  async function upgrade(request: UpgradeRequest, context: UpgradeContext): Promise<string> {
    const { version } = request
    const askedMs = clock.now()
    const state = store.read() ?? initialState({ version: self.version, path: self.path })
    refuse(request, deps)
    if (state.candidate) throw new Error(`plexd ${state.candidate.version} is on trial already`)
    if (version === self.version) {
      const { outcome, ...rest } = state
      if (outcome?.status === 'rolled_back') {
        await store.write(rest)
        deps.onDismissed()
      }
      return `plexd ${version} runs already`
    }
    await store.prune(state, [version, self.version])
    const file = await install(request, context.signal, deps)
    await checkRuns(file, version)
    const candidate = {
      version,
      from: self.version,
      execution_id: context.executionId,
      triggered_by: context.triggeredBy,
      asked_ms: askedMs,
      peers: await deps.connectedPeers(),
    }
    context.signal.throwIfAborted()
    await store.write(withCandidate(state, candidate))
    deps.log.info('restarting as a new version', { version, from: self.version })
    deps.restart()
    return `plexd ${version} is in place, and goes on trial`
  }

  return async (request, context) => {
    if (isBusy) throw new Error('another upgrade is under way')
    isBusy = true
    try {
      return await upgrade(request, context)
    } finally {
      isBusy = false
    }
  }
}

function refuse(
  { version, checksum, allow_downgrade }: UpgradeRequest,
  { self }: UpgraderDeps,
): void {
  if (!isVersion(version)) throw new Error(`version "${version}": want one such as 1.5.0`)
  if (!/^sha256:[0-9a-f]{64}$/.test(normalChecksum(checksum)))
    throw new Error(`checksum "${checksum}": want the SHA-256 of the file in hex`)
  if (version === self.version) return
  if (!self.isSingleFile) throw new Error(notSingleFile)
  if (compareVersions(version, self.version) < 0 && !allow_downgrade)
    throw new Error(`plexd ${version} is older than ${self.version}: ask with allow_downgrade=true`)
}

/** Resolves to the file of the version, which is complete, checked and on the disk. */
async function install(
  { version, checksum }: UpgradeRequest,
  signal: AbortSignal,
  { store, config, openArtifact, clock, log }: UpgraderDeps,
): Promise<string> {
  const build = { version, os: process.platform, arch: goArch(process.arch) }
  const release = { ...build, checksum: normalChecksum(checksum) }
  const keys = loadReleaseKeys(config.upgradeKeys)
  const file = store.fileOf(version)
  const folder = dirname(file)
  makeFolder(folder)
  // Named by what is in it, so that no part of another file is ever completed.
  const part = join(folder, `${release.checksum.slice('sha256:'.length, 32)}.part`)
  await fetchBuild({
    part,
    checksum: release.checksum,
    maxBytes: config.limits.upgrade_bytes,
    open: (from, signal) => openArtifact({ ...release, from, signal }),
    check: ({ signature }) => checkSignature(release, signature, keys),
    signal,
    clock,
    log,
  })
  await chmod(part, 0o755)
  await rename(part, file)
  for (const made of [folder, store.folder, dirname(store.folder)]) await syncFolder(made)
  return file
}

/** Better found out now than on trial: a build for another processor or C library, a disk mounted noexec. */
async function checkRuns(file: string, version: string): Promise<void> {
  const told = await execBuild(file, ['version', '--json'])
  const found: unknown = JSON.parse(told).version
  if (found !== version) throw new Error(`the build says that it is plexd "${found}"`)
}
