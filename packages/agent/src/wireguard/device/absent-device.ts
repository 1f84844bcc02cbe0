import type { NetworkListener, WireguardDevice } from './device.ts'

/** The device of a machine without a mesh: it is empty, cannot be written, and never changes. */
export class AbsentDevice implements WireguardDevice {
  readonly interfaceName: string
  readonly disabledBecause: string
  readonly backend = 'none'

  /** Named after the missing interface, with the reason. */
  constructor(interfaceName: string, disabledBecause: string) {
    this.interfaceName = interfaceName
    this.disabledBecause = disabledBecause
  }

  async reclaim(): Promise<[]> {
    return []
  }

  async apply(): Promise<never> {
    throw new Error(`no interface "${this.interfaceName}": ${this.disabledBecause}`)
  }

  async setPrivateKey(): Promise<void> {}

  holdPsks(): void {}

  watch(_look: () => Promise<unknown>, _listener?: NetworkListener): AsyncDisposable {
    return { async [Symbol.asyncDispose]() {} }
  }

  async peers(): Promise<[]> {
    return []
  }

  async remove(): Promise<boolean> {
    return false
  }
}
