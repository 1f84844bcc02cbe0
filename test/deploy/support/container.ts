import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { IPodSpec } from 'kubernetes-models/v1'
import type { ImageRow } from '../../../scripts/build/images/image-row.ts'
import { type Output, runToEnd } from '../../../scripts/programs/program.ts'
import { type Place, runtimeConfig } from './runtime-config.ts'

/** A pod that runs, by runc. */
export interface Container extends AsyncDisposable {
  /** As `kubectl exec`. */
  exec(...command: string[]): Promise<Output>
  log(): Promise<string>
  hasEnded(): boolean
  /** Its exit code. */
  ended(): Promise<number>
  /** Resolves to its exit code; SIGTERM first, and SIGKILL after the grace period of the manifest. */
  stop(): Promise<number>
}

export interface PodOptions extends Place {
  id: string
  /** For its bundle and its log. */
  folder: string
  image: UnpackedImage
}

export interface UnpackedImage {
  row: ImageRow
  /** Bundle with `rootfs`. */
  bundle: string
}

/** Unpacks the image of that file. */
export async function unpackImage(
  row: ImageRow,
  file: string,
  folder: string,
): Promise<UnpackedImage> {
  const layout = join(folder, `${row.name}-layout`)
  const bundle = join(folder, `${row.name}-bundle`)
  await mkdir(layout, { recursive: true })
  await orThrow('tar', '-xf', file, '-C', layout)
  const index = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8'))
  const tag = index.manifests[0].annotations['org.opencontainers.image.ref.name']
  await orThrow('umoci', 'unpack', '--image', `${layout}:${tag}`, bundle)
  return { row, bundle }
}

/** Resolves when it was started; whether it answers is for its probes. */
export async function startPod(pod: IPodSpec, options: PodOptions): Promise<Container> {
  const { id, image, folder } = options
  const bundle = join(folder, id)
  const state = join(folder, 'runc')
  await mkdir(bundle, { recursive: true })
  const unpacked = JSON.parse(await readFile(join(image.bundle, 'config.json'), 'utf8'))
  const rootfs = join(image.bundle, 'rootfs')
  const config = runtimeConfig(pod, { unpacked, rootfs, entrypoint: image.row.entrypoint }, options)
  await writeFile(join(bundle, 'config.json'), JSON.stringify(config))
  const logFile = join(folder, `${id}.log`)
  const log = openSync(logFile, 'a')
  const runc = ['--root', state]
  const child = spawn('runc', [...runc, 'run', '--bundle', bundle, id], {
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  const ended = once(child, 'exit')
  const graceMs = (pod.terminationGracePeriodSeconds ?? 30) * 1_000
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null

  async function stop(): Promise<number> {
    if (!hasEnded()) await runToEnd('runc', [...runc, 'kill', id, 'TERM'])
    const force = setTimeout(() => void runToEnd('runc', [...runc, 'kill', id, 'KILL']), graceMs)
    await ended
    clearTimeout(force)
    return exitCode()
  }

  async function exitCode(): Promise<number> {
    await ended
    return child.exitCode ?? -1
  }

  return {
    exec: (...command) => runToEnd('runc', [...runc, 'exec', id, ...command]),
    log: () => readFile(logFile, 'utf8'),
    hasEnded,
    ended: exitCode,
    stop,
    [Symbol.asyncDispose]: async () => {
      if (!hasEnded()) await runToEnd('runc', [...runc, 'delete', '--force', id])
      await ended
    },
  }
}

/** These files, and no others, as a kubelet mounts those of a Secret or a ConfigMap: by links, so that all change at once. */
export async function writeProjected(
  folder: string,
  files: Readonly<Record<string, string>>,
  mode: number,
): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  const versions = join(folder, '..version')
  await mkdir(versions, { recursive: true })
  await symlink('..version', join(folder, '..data'))
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(versions, name), text, { mode })
    await symlink(join('..data', name), join(folder, name))
  }
}

async function orThrow(command: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await runToEnd(command, args)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`)
}
