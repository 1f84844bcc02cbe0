import type { NetworkListener, WireguardDevice } from './device.ts'

/** Stands where this machine has no mesh: nothing is on it, nothing can be written to it, and nobody changes it. */
export class AbsentDevice implements WireguardDevice {
  readonly interfaceName: string
  readonly disabledBecause: string
  readonly backend = 'none'

  /** Named by what would be there, and why it is not. */
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
