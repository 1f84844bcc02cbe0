import type { WireguardDevice } from './device.ts'

/** The device of a machine without a mesh, with the reason: it is empty, cannot be written, and never changes. */
export function createAbsentDevice(
  interfaceName: string,
  disabledBecause: string,
): WireguardDevice {
  return {
    interfaceName,
    disabledBecause,
    backend: 'none',
    reclaim: async () => [],
    async apply() {
      throw new Error(`no interface "${interfaceName}": ${disabledBecause}`)
    },
    async setPrivateKey() {},
    holdPsks() {},
    watch: () => ({ async [Symbol.asyncDispose]() {} }),
    async reconnect() {},
    peers: async () => [],
    remove: async () => false,
  }
}
