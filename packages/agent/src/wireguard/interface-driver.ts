import { access } from 'node:fs/promises'
import { type Exec, ExecError } from '@plexd/runtime'
import type { Backend } from './backend.ts'
import { createKernelBackend } from './backend-kernel.ts'
import { createUserspaceBackend, uapiSocketPath } from './backend-userspace.ts'
import { type LinkState, linkQuery, parseLink } from './link.ts'
import { tunFault, tunRemedy } from './tun.ts'
import { createUapiTrap } from './uapi-trap.ts'
import type { WgInterface } from './wg-interface.ts'

/** What is found under the name of our interface. */
export type Sight =
  | { state: 'absent' }
  /** Not an interface that can be driven; `why` in words. */
  | { state: 'foreign'; why: string }
  | { state: 'wireguard'; backend: Backend; link: LinkState; wg: WgInterface }

/** Makes, reads and removes the interface. What is done with it is decided elsewhere. */
export interface InterfaceDriver {
  look(): Promise<Sight>
  /** The kernel's WireGuard where there is one, wireguard-go otherwise. Rejects with what to do about it. */
  make(): Promise<Backend>
  /** Whatever has the name. wireguard-go ends with its interface. Nothing when there is none. */
  remove(): Promise<void>
  /** Whether somebody else has spoken to WireGuard since we did; undefined where that cannot be told. */
  isDisturbed(backend: Backend): boolean | undefined
  /** Lines for `ip -batch`; stops at the first that fails. */
  ip(lines: readonly string[]): Promise<void>
}

export function createInterfaceDriver(options: {
  interfaceName: string
  runDir: string
  uapiDir: string
  exec: Exec
}): InterfaceDriver {
  const { interfaceName: name, uapiDir, exec } = options
  const kernel = createKernelBackend(options)
  const trap = createUapiTrap(uapiSocketPath(uapiDir, name))
  const userspace = createUserspaceBackend({ ...options, trap })

  async function readLink(): Promise<LinkState | undefined> {
    try {
      const input = linkQuery(name)
      return parseLink(await exec(['ip', '-json', '-details', '-batch', '-'], { input }))
    } catch (error) {
      if (error instanceof ExecError && /does not exist|Cannot find/.test(error.stderr)) return
      throw error
    }
  }

  async function look(): Promise<Sight> {
    // Both at once: they cost about the same, and there is little time.
    const likely = (await exists(uapiSocketPath(uapiDir, name))) ? userspace : kernel
    const reading = likely.read()
    reading.catch(() => {}) // looked at below, if at all
    const link = await readLink()
    if (!link) return { state: 'absent' }
    const backend = { wireguard: kernel, tun: userspace }[link.kind]
    if (!backend) return { state: 'foreign', why: `it was of kind ${link.kind}` }
    try {
      const wg = await (backend === likely ? reading : backend.read())
      return { state: 'wireguard', backend, link, wg }
    } catch (error) {
      if (backend === userspace && isNobodyThere(error)) {
        return { state: 'foreign', why: 'no wireguard-go answered for it' }
      }
      throw error
    }
  }

  async function make(): Promise<Backend> {
    try {
      await exec(['ip', 'link', 'add', 'dev', name, 'type', 'wireguard'])
      return kernel
    } catch (error) {
      if (!isUnknownType(error)) throw new Error(`make interface "${name}"`, { cause: error })
    }
    await startWireguardGo(name, exec)
    return userspace
  }

  return {
    look,
    make,
    isDisturbed: ({ name: backend }) => (backend === 'wireguard-go' ? trap.isSprung() : undefined),
    async remove() {
      try {
        await exec(['ip', 'link', 'delete', 'dev', name])
      } catch (error) {
        if (!(error instanceof ExecError && /Cannot find/.test(error.stderr))) throw error
      }
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

function isNobodyThere(error: unknown): boolean {
  const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException // net errors carry a code
  return code === 'ENOENT' || code === 'ECONNREFUSED'
}

/**
 * In a session of its own, so that it outlives the daemon and the terminal; the command returns when the interface
 * stands. Its complaints go to stdout, and stderr gets a banner whenever the kernel has WireGuard too.
 */
async function startWireguardGo(name: string, exec: Exec): Promise<void> {
  const quiet = 'exec wireguard-go "$0" 3>&2 2>/dev/null >&3 3>&-'
  try {
    await exec(['setsid', 'env', '-u', 'LOG_LEVEL', 'sh', '-c', quiet, name])
  } catch (error) {
    const isMissing = error instanceof ExecError && error.exitCode === 127 && !error.missing
    if (isMissing)
      throw new Error(
        `make interface "${name}": the kernel has no WireGuard and wireguard-go is not installed: install the package wireguard-go, or load the module wireguard`,
      )
    const fault = await tunFault()
    if (fault !== undefined)
      throw new Error(
        `make interface "${name}": the kernel has no WireGuard, and wireguard-go no way in: ${fault}: ${tunRemedy}`,
      )
    throw new Error(`make interface "${name}" with wireguard-go`, { cause: error })
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
