import { createSerialQueue, exec as execProgram, systemClock } from '@plexd/runtime'
import { uapiDir as standardUapiDir } from './backend/backend-userspace.ts'
import type { DeviceRecord, KeptRecord } from './device/device-record.ts'
import type { DeviceParts } from './device-apply.ts'
import type { LinuxDeviceOptions } from './device-options.ts'
import { startHandoverLoop } from './handover/handover-loop.ts'
import { startHandshakes } from './handshakes.ts'
import { createInterfaceCache } from './interface/interface-cache.ts'
import { createInterfaceDriver, type InterfaceDriver } from './interface/interface-driver.ts'
import { createInterfaceWriter } from './interface/interface-writer.ts'
import { createOwnKey } from './own-key.ts'

/** What the mesh interface of this machine is driven by. */
export interface LinuxParts extends DeviceParts {
  driver: InterfaceDriver
  /** Nothing may change between a read and the write based on it. */
  exclusive: ReturnType<typeof createSerialQueue>
}

export function createLinuxParts(
  options: LinuxDeviceOptions & { runDir: string },
  kept: KeptRecord,
): LinuxParts {
  const { uapiDir = standardUapiDir, exec = execProgram, clock = systemClock, log } = options
  const key = createOwnKey()
  const isOurKey = (privateKey: string): boolean => key.isOurs(privateKey, kept.current())
  const driver = createInterfaceDriver({ ...options, uapiDir, isOurKey, exec, clock })
  const cache = createInterfaceCache(driver, clock)
  const nowSeconds = (): number => clock.now() / 1_000
  const writer = createInterfaceWriter({ ...options, driver, nowSeconds })
  const driven: LinuxParts['driven'] = { backend: undefined }
  const exclusive = createSerialQueue()

  async function remember(record: DeviceRecord): Promise<void> {
    await kept.replace({ ...record, public_key: key.public() })
    if (record.handovers.length > 0) handovers.wake()
  }

  const shared = {
    backend: () => driven.backend,
    keepaliveSeconds: options.keepaliveSeconds,
    record: kept.current,
    onWrite: cache.forget,
    ...{ exclusive, clock, log },
  }
  const handovers = startHandoverLoop({ ...shared, remember })
  const handshakes = startHandshakes({ ...shared, publicKey: key.public })
  return {
    ...{ options, key, kept, remember, cache, writer, handovers, handshakes, clock, driven },
    ...{ driver, exclusive },
  }
}
