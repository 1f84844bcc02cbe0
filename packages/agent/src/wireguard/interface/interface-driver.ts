import { access } from 'node:fs/promises'
import { type Clock, type Exec, ExecError } from '@plexd/runtime'
import { createKernelBackend } from '../backend/backend-kernel.ts'
import { createUserspaceBackend, uapiSocketPath } from '../backend/backend-userspace.ts'
import { NoAnswer } from '../backend/uapi-connection.ts'
import { createUapiWatch } from '../backend/uapi-watch.ts'
import type { Backend, WgInterface } from '../backend/wg-interface.ts'
import { createWireguardGo } from '../backend/wireguard-go.ts'
import { type LinkState, linkQuery, parseLink } from './link.ts'
import { loadLinkReader } from './link-reader.ts'

/** An observation of our interface. */
export type Sight =
  | { state: 'absent' }
  /** Something that cannot be driven has its name; `why` in words. */
  | { state: 'foreign'; why: string; kind: string }
  /** Its process does not answer, and never will. */
  | { state: 'frozen'; why: string }
  /** `link.name` differs if it was renamed. */
  | { state: 'wireguard'; backend: Backend; link: LinkState; wg: WgInterface }

export type WireguardSight = Extract<Sight, { state: 'wireguard' }>

/** Whether it is or was a WireGuard tunnel, with or without its process. */
export function isTunnel(sight: Sight): boolean {
  const { state } = sight
  return (
    state === 'wireguard' || state === 'frozen' || (state === 'foreign' && sight.kind === 'tun')
  )
}

/** Creates, reads and removes the interface. */
export interface InterfaceDriver {
  look(): Promise<Sight>
  /** Call before a look whose findings are acted on, and what it returns after that look: it settles `isDisturbed`. */
  lookStarts(): () => void
  /** Our interface under another name. */
  findStray(): Promise<WireguardSight | undefined>
  /** Creates it with the kernel's WireGuard if there is one, else with wireguard-go. */
  make(): Promise<Backend>
  /** Gives the interface its name back. Rejects if a foreign interface has it. */
  rename(from: string): Promise<void>
  /** Removes the observed tunnel, or the one with the name, and wireguard-go with its socket. */
  remove(sight?: Sight): Promise<void>
  /** Whether another program has written to WireGuard since, or stopped it; undefined if that cannot be known. */
  isDisturbed(backend: Backend): boolean | undefined
  /** Lines for `ip -batch`; stops at the first that fails. */
  ip(lines: readonly string[]): Promise<void>
}

export interface InterfaceDriverOptions {
  interfaceName: string
  runDir: string
  uapiDir: string
  /** Whether an interface that has this private key is ours, whatever its name. */
  isOurKey(privateKey: string): boolean
  exec: Exec
  clock: Clock
}

export function createInterfaceDriver(options: InterfaceDriverOptions): InterfaceDriver {
  const { interfaceName: name, uapiDir, exec } = options
  const socketPath = uapiSocketPath(uapiDir, name)
  const kernel = createKernelBackend(options)
  const uapiWatch = createUapiWatch(socketPath)
  const userspace = createUserspaceBackend({ ...options, uapiWatch })
  const go = createWireguardGo({ ...options, socketPath })
  const { readLink, deleteLink, renameLink } = linkCalls(exec)

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
    return (await findByKey(options, readLink, kernel)) ?? { state: 'absent' }
  }

  async function findStray(): Promise<WireguardSight | undefined> {
    const reading = (await exists(socketPath)) ? userspace.read() : undefined
    reading?.catch(() => {}) // looked at below, if at all
    const sight = await lookElsewhere(reading)
    return sight.state === 'wireguard' ? sight : undefined
  }

  async function make(): Promise<Backend> {
    try {
      await exec(['ip', 'link', 'add', 'dev', name, 'type', 'wireguard'])
      return kernel
    } catch (error) {
      if (!isUnknownType(error)) throw new Error(`make interface "${name}"`, { cause: error })
    }
    await go.start()
    return userspace
  }

  return {
    look,
    lookStarts: uapiWatch.lookStarts,
    findStray,
    make,
    async rename(from) {
      await deleteLink(name)
      await renameLink(from, name)
    },
    isDisturbed({ name: backend }) {
      if (backend !== 'wireguard-go') return undefined
      return go.isStopped() || uapiWatch.sawOthers()
    },
    async remove(sight) {
      await go.end(() => deleteLink(sight?.state === 'wireguard' ? sight.link.name : name))
    },
    async ip(lines) {
      if (lines.length === 0) return
      await exec(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n` })
    },
  }
}

/** wireguard-go answers within this, unless it is busy or stopped. */
const soonMs = 500

/** `ip` also finds an interface by an alternative name: then only that name is in the way. */
function answersTo({ name }: LinkState): Sight {
  return { state: 'foreign', why: `it was another name of ${name}`, kind: 'altname' }
}

function linkCalls(exec: Exec) {
  const asking = loadLinkReader().catch(() => undefined) // without FFI, `ip` tells the same
  /** Undefined if there is none; one with this alternative name has another `name`. */
  async function readLink(name: string): Promise<LinkState | undefined> {
    const ask = await asking
    return ask ? ask(name) : readByIp(name)
  }

  async function readByIp(name: string): Promise<LinkState | undefined> {
    try {
      const input = linkQuery(name)
      return parseLink(await exec(['ip', '-json', '-details', '-batch', '-'], { input }))
    } catch (error) {
      if (error instanceof ExecError && isNoDevice.test(error.stderr)) return
      throw error
    }
  }

  return {
    readLink,
    /** Of an alternative name only the name is removed. Rejects for anything but a tunnel. */
    async deleteLink(name: string): Promise<void> {
      const link = await readLink(name)
      if (link?.name === name && !tunnelKinds.includes(link.kind)) throw notOurs(link)
      try {
        if (link && link.name !== name)
          await exec(['ip', 'link', 'property', 'del', 'dev', link.name, 'altname', name])
        else if (link) await exec(['ip', 'link', 'delete', 'dev', name])
      } catch (error) {
        if (!(error instanceof ExecError && isNoDevice.test(error.stderr))) throw error
      }
    },
    /** Before Linux 6.2 it must be down for that, which removes its routes; they are restored later. */
    async renameLink(from: string, to: string): Promise<void> {
      try {
        await exec(['ip', 'link', 'set', 'dev', from, 'name', to])
      } catch (error) {
        if (!(error instanceof ExecError && /busy/.test(error.stderr))) throw error
        const lines = [`link set dev ${from} down`, `link set dev ${from} name ${to}`]
        await exec(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n` })
      }
    },
  }
}

const tunnelKinds: readonly string[] = ['wireguard', 'tun']

function notOurs({ name, kind }: LinkState): Error {
  return new Error(
    `interface "${name}" is of kind ${kind}, and not of plexd, so it stays: ${clearName(name)}`,
  )
}

/** The remedy if a foreign interface has our name. */
export function clearName(name: string): string {
  return `remove it with "ip link delete ${name}", or name another interface as "mesh.interface" in the config`
}

const isNoDevice = /does not exist|Cannot find/

/** A kernel interface with our key, under another name. */
async function findByKey(
  options: InterfaceDriverOptions,
  readLink: (name: string) => Promise<LinkState | undefined>,
  backend: Backend,
): Promise<Sight | undefined> {
  for (const name of await kernelInterfaces(options.exec)) {
    const wg = await createKernelBackend({ ...options, interfaceName: name })
      .read()
      .catch(() => undefined) // it has gone meanwhile
    if (!wg || !options.isOurKey(wg.private_key)) continue
    const link = await readLink(name)
    if (link) return { state: 'wireguard', backend, link, wg }
  }
  return undefined
}

async function kernelInterfaces(exec: Exec): Promise<string[]> {
  const lines = await exec(['ip', '-oneline', 'link', 'show', 'type', 'wireguard'])
  return lines.split('\n').flatMap((line) => /^\d+: ([^:@]+)/.exec(line)?.[1] ?? [])
}

function isUnknownType(error: unknown): boolean {
  return (
    error instanceof ExecError && /Unknown device type|Operation not supported/.test(error.stderr)
  )
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
