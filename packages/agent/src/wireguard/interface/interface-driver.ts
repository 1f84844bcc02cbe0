import { ExecError } from '@plexd/runtime'
import { createKernelBackend } from '../backend/backend-kernel.ts'
import { createUserspaceBackend, uapiSocketPath } from '../backend/backend-userspace.ts'
import { createUapiWatch } from '../backend/uapi-watch.ts'
import type { Backend } from '../backend/wg-interface.ts'
import { createWireguardGo } from '../backend/wireguard-go.ts'
import { createInterfaceLook, type OurInterface } from './interface-look.ts'
import { createLinkCalls } from './link-calls.ts'
import type { Sight, WireguardSight } from './sight.ts'

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

/** `uapiDir` is where wireguard-go has its sockets. */
export function createInterfaceDriver(
  options: OurInterface & { uapiDir: string },
): InterfaceDriver {
  const { interfaceName: name, uapiDir, exec } = options
  const socketPath = uapiSocketPath(uapiDir, name)
  const kernel = createKernelBackend(options)
  const uapiWatch = createUapiWatch(socketPath)
  const userspace = createUserspaceBackend({ ...options, uapiWatch })
  const go = createWireguardGo({ ...options, socketPath })
  const { readLink, deleteLink, renameLink } = createLinkCalls(exec)
  const { look, findStray } = createInterfaceLook({
    ...options,
    socketPath,
    kernel,
    userspace,
    go,
    readLink,
  })

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

function isUnknownType(error: unknown): boolean {
  return (
    error instanceof ExecError && /Unknown device type|Operation not supported/.test(error.stderr)
  )
}
