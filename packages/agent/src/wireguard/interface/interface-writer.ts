import type { Backend } from '../backend/backend.ts'
import { forgetSources, keysInUse, settled, speakNow } from '../peers/keepalive.ts'
import type { InterfaceDriver, Sight } from './interface-driver.ts'
import type { InterfacePlan } from './interface-plan.ts'

/** Carries out what was planned for the interface itself. */
export interface InterfaceWriter {
  /** Makes it anew in place of what has the name, with key and port. */
  rebuild(sight: Sight, plan: InterfacePlan): Promise<Backend>
  /** Mark, key and port of one that stands; then it speaks to these peers. */
  writeKeyAndPort(
    backend: Backend,
    plan: InterfacePlan,
    publicKeys: readonly string[],
  ): Promise<void>
  /** MTU, address, route; brings it up. */
  writeLink(backend: Backend, plan: InterfacePlan): Promise<void>
  /**
   * To peers that may have a session of which this interface knows nothing: whatever they send in it is lost until they
   * hear of another, or doubt it themselves after 15 seconds.
   */
  speak(backend: Backend, publicKeys: readonly string[]): Promise<void>
  /** This machine has another address: those who speak with us learn it from the next packet, so there must be one. */
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

  /** wireguard-go says whether it got its port only when it is told while it is up. */
  async function listen(backend: Backend): Promise<void> {
    if (backend.name !== 'wireguard-go' || listenPort === 0) return
    try {
      await backend.write({ listen_port: listenPort, peers: [] })
    } catch (error) {
      // It would look healthy from then on.
      await driver.remove()
      throw error
    }
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
      // First: what the others send is to be marked.
      if (fwmark !== undefined) await backend.write({ fwmark, peers: [] })
      if (private_key !== undefined) {
        await backend.write({ private_key, peers: speakNow(publicKeys) })
        await backend.write({ peers: settled(publicKeys, keepaliveSeconds()) })
      }
      if (listen_port !== undefined) await backend.write({ listen_port, peers: [] })
    },

    async writeLink(backend, { ip }) {
      await driver.ip(ip)
      if (ip.some((line) => line.endsWith(' up'))) await listen(backend)
    },

    async speak(backend, publicKeys) {
      if (publicKeys.length === 0) return
      await backend.write({ peers: speakNow(publicKeys) })
      await backend.write({ peers: settled(publicKeys, keepaliveSeconds()) })
    },

    async tellPeers(backend) {
      const { peers } = await backend.read()
      const inUse = keysInUse(peers, nowSeconds())
      await backend.write({ peers: [...forgetSources(peers, backend.name), ...speakNow(inUse)] })
      await backend.write({ peers: settled(inUse, keepaliveSeconds()) })
    },
  }
}
