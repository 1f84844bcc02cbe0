import type { WgChange, WgInterface } from './wg-interface.ts'

/** What moves the packets: the one way in which both kernels and wireguard-go are read and written. */
export interface Backend {
  readonly name: BackendName
  read(): Promise<WgInterface>
  /** One call of WireGuard where it allows that. What was done before a refused part stays. */
  write(change: WgChange): Promise<void>
}

export type BackendName = 'kernel' | 'wireguard-go'
