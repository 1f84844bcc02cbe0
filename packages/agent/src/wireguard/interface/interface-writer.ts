import type { Backend, PeerChange } from '../backend/wg-interface.ts'
import { forgetSources, keysInUse, settled, speakNow } from '../peers/keepalive.ts'
import type { InterfaceDriver } from './interface-driver.ts'
import type { InterfacePlan } from './interface-plan.ts'
import type { Sight } from './sight.ts'

/** Carries out the plan for the interface itself. */
export interface InterfaceWriter {
  /** Creates the interface with key and port, in place of whatever has its name. */
  rebuild(sight: Sight, plan: InterfacePlan): Promise<Backend>
  /** Writes mark, key and port of an existing interface; after a new key it sends to these peers. */
  writeKeyAndPort(
    backend: Backend,
    plan: InterfacePlan,
    publicKeys: readonly string[],
  ): Promise<void>
  /** Writes MTU, address and routes, and brings the interface up. */
  writeLink(backend: Backend, plan: InterfacePlan): Promise<void>
  /**
   * Sends to peers that may use a session which this interface does not know: their packets are lost until they hear
   * of another session, or doubt theirs after 15 seconds.
   */
  speak(backend: Backend, publicKeys: readonly string[]): Promise<void>
  /** After a change of this machine's address: peers with a session learn the new one from our next packet. */
  tellPeers(backend: Backend): Promise<void>
}

export function createInterfaceWriter(options: {
  driver: InterfaceDriver
  /** 0 for any. */
  listenPort: number
  keepaliveSeconds(): number
  nowSeconds(): number
}): InterfaceWriter {
  const { driver, listenPort, keepaliveSeconds, nowSeconds } = options

  /** wireguard-go reports whether it got its port only if it is told the port while the interface is up. */
  async function listen(backend: Backend): Promise<void> {
    if (backend.name !== 'wireguard-go' || listenPort === 0) return
    try {
      await backend.write({ listen_port: listenPort, peers: [] })
    } catch (error) {
      // The interface would look healthy from then on.
      await driver.remove()
      throw error
    }
  }

  async function speakAfter(
    backend: Backend,
    publicKeys: readonly string[],
    first: { private_key?: string; peers?: readonly PeerChange[] },
  ): Promise<void> {
    await backend.write({ ...first, peers: [...(first.peers ?? []), ...speakNow(publicKeys)] })
    await backend.write({ peers: settled(publicKeys, keepaliveSeconds()) })
  }

  return {
    async rebuild(sight, { private_key = '', listen_port, fwmark }) {
      if (sight.state !== 'absent') await driver.remove(sight)
      const backend = await driver.make()
      const port = listen_port === undefined ? {} : { listen_port }
      const mark = fwmark === undefined ? {} : { fwmark }
      await backend.write({ private_key, ...port, ...mark, peers: [] })
      return backend
    },

    async writeKeyAndPort(backend, { private_key, listen_port, fwmark }, publicKeys) {
      // First, because the packets sent next must be marked.
      if (fwmark !== undefined) await backend.write({ fwmark, peers: [] })
      if (private_key !== undefined) await speakAfter(backend, publicKeys, { private_key })
      if (listen_port !== undefined) await backend.write({ listen_port, peers: [] })
    },

    async writeLink(backend, { ip }) {
      await driver.ip(ip)
      if (ip.some((line) => line.endsWith(' up'))) await listen(backend)
    },

    async speak(backend, publicKeys) {
      if (publicKeys.length > 0) await speakAfter(backend, publicKeys, {})
    },

    async tellPeers(backend) {
      const { peers } = await backend.read()
      const sources = forgetSources(peers, backend.name)
      await speakAfter(backend, keysInUse(peers, nowSeconds()), { peers: sources })
    },
  }
}
