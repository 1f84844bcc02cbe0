import { publicKeyOf } from '../identity/keys.ts'
import type { DeviceRecord } from './device/device-record.ts'
import type { HeldPsks } from './handover/held-psks.ts'

/** The private key of this node, and the PSKs that wait for the next one. */
export interface OwnKey {
  /** Empty until it is set. */
  private(): string
  public(): string
  /** Whether it is this key, or the one that the interface was given last. */
  isOurs(privateKey: string, record: Pick<DeviceRecord, 'public_key'>): boolean
  /** What was held until now is promised: it is written just before this key. */
  set(privateKey: string): void
  /** From now on, new PSKs of present peers wait for the next key. */
  hold(): void
  held(): HeldPsks | undefined
  promised(): HeldPsks
  /** The promised PSKs are written. */
  kept(): void
}

export function createOwnKey(): OwnKey {
  let privateKey = ''
  let held: HeldPsks | undefined
  let promised: HeldPsks = new Map()
  return {
    private: () => privateKey,
    public: () => publicKeyOf(privateKey),
    isOurs: (key, { public_key }) =>
      key !== '' && (key === privateKey || publicKeyOf(key) === public_key),
    set(next) {
      privateKey = next
      promised = held ?? new Map()
      held = undefined
    },
    hold() {
      held ??= new Map()
    },
    held: () => held,
    promised: () => promised,
    kept() {
      promised = new Map()
    },
  }
}
