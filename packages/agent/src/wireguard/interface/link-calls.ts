import { type Exec, ExecError } from '@plexd/runtime'
import { type LinkState, linkQuery, parseLink } from './link.ts'
import { loadLinkReader } from './link-reader.ts'

/** Reads, renames and deletes interfaces, of whatever kind. */
export function createLinkCalls(exec: Exec) {
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
