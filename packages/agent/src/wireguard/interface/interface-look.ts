import { access } from 'node:fs/promises'
import type { Clock, Exec } from '@plexd/runtime'
import { createKernelBackend } from '../backend/backend-kernel.ts'
import { NoAnswer } from '../backend/uapi-connection.ts'
import type { Backend, WgInterface } from '../backend/wg-interface.ts'
import type { WireguardGo } from '../backend/wireguard-go.ts'
import type { LinkState } from './link.ts'
import type { Sight, WireguardSight } from './sight.ts'

/** What is known of our interface before it is looked for. */
export interface OurInterface {
  interfaceName: string
  runDir: string
  /** Whether an interface that has this private key is ours, whatever its name. */
  isOurKey(privateKey: string): boolean
  exec: Exec
  clock: Clock
}

interface InterfaceLookOptions extends OurInterface {
  socketPath: string
  kernel: Backend
  userspace: Backend
  go: WireguardGo
  readLink(name: string): Promise<LinkState | undefined>
}

/** Finds our interface, whatever has become of it. */
export function createInterfaceLook(options: InterfaceLookOptions): {
  look(): Promise<Sight>
  findStray(): Promise<WireguardSight | undefined>
} {
  const { interfaceName: name, socketPath, kernel, userspace, go, readLink } = options

  async function look(): Promise<Sight> {
    const stopped = await go.whyStopped()
    if (stopped !== undefined) return { state: 'frozen', why: stopped }
    // Both at once, because they take about the same time.
    const likely = (await exists(socketPath)) ? userspace : kernel
    const reading = likely.read()
    reading.catch(() => {}) // looked at below, if at all
    const link = await readLink(name)
    if (!link) return lookElsewhere(likely === userspace ? reading : undefined)
    if (link.name !== name) return answersTo(link)
    const backend = { wireguard: kernel, tun: userspace }[link.kind]
    if (!backend) return { state: 'foreign', why: `it was of kind ${link.kind}`, kind: link.kind }
    return readAs(backend, link, backend === likely ? reading : backend.read())
  }

  async function readAs(
    backend: Backend,
    link: LinkState,
    reading: Promise<WgInterface>,
  ): Promise<Sight> {
    try {
      const stopped = backend === userspace ? await stoppedMeanwhile(reading) : undefined
      if (stopped !== undefined) return { state: 'frozen', why: stopped }
      const wg = await reading
      go.answered()
      return { state: 'wireguard', backend, link, wg }
    } catch (error) {
      if (backend === userspace && isNobodyThere(error))
        return { state: 'foreign', why: 'no wireguard-go answered for it', kind: link.kind }
      const why = isSilence(error) ? await go.whySilent() : undefined
      if (why === undefined) throw error
      return { state: 'frozen', why }
    }
  }

  /** Why there will be no answer, if that can be known before the timeout. */
  async function stoppedMeanwhile(reading: Promise<unknown>): Promise<string | undefined> {
    const answer = new AbortController()
    const done = (): void => answer.abort()
    reading.then(done, done)
    const isLate = await options.clock.sleep(soonMs, answer.signal).then(
      () => true,
      () => false,
    )
    return isLate ? go.whyStopped({ search: true }) : undefined
  }

  /** A renamed interface is found by its process, or by its key. */
  async function lookElsewhere(reading: Promise<WgInterface> | undefined): Promise<Sight> {
    const processes = reading ? await go.processes() : []
    for (const { interfaceName: other = name } of processes) {
      const link = reading && other !== name ? await readLink(other) : undefined
      if (reading && link?.kind === 'tun') return readAs(userspace, link, reading)
    }
    return (await findByKey(options)) ?? { state: 'absent' }
  }

  async function findStray(): Promise<WireguardSight | undefined> {
    const reading = (await exists(socketPath)) ? userspace.read() : undefined
    reading?.catch(() => {}) // looked at below, if at all
    const sight = await lookElsewhere(reading)
    return sight.state === 'wireguard' ? sight : undefined
  }

  return { look, findStray }
}

/** wireguard-go answers within this, unless it is busy or stopped. */
const soonMs = 500

/** `ip` also finds an interface by an alternative name: then only that name is in the way. */
function answersTo({ name }: LinkState): Sight {
  return { state: 'foreign', why: `it was another name of ${name}`, kind: 'altname' }
}

/** A kernel interface with our key, under another name. */
async function findByKey(options: InterfaceLookOptions): Promise<Sight | undefined> {
  for (const name of await kernelInterfaces(options.exec)) {
    const wg = await createKernelBackend({ ...options, interfaceName: name })
      .read()
      .catch(() => undefined) // it has gone meanwhile
    if (!wg || !options.isOurKey(wg.private_key)) continue
    const link = await options.readLink(name)
    if (link) return { state: 'wireguard', backend: options.kernel, link, wg }
  }
  return undefined
}

async function kernelInterfaces(exec: Exec): Promise<string[]> {
  const lines = await exec(['ip', '-oneline', 'link', 'show', 'type', 'wireguard'])
  return lines.split('\n').flatMap((line) => /^\d+: ([^:@]+)/.exec(line)?.[1] ?? [])
}

function isNobodyThere(error: unknown): boolean {
  const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException // net errors carry a code
  return code === 'ENOENT' || code === 'ECONNREFUSED'
}

function isSilence(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof NoAnswer
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
