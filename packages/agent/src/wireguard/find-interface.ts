import { rm } from 'node:fs/promises'
import { exec } from '@plexd/runtime'
import { uapiDir } from './backend-userspace.ts'
import { recordPath, standardRunDir } from './device-record.ts'
import { createInterfaceDriver } from './interface-driver.ts'

/** A WireGuard interface, whoever drives it. */
export interface FoundInterface {
  /** Ends it, and wireguard-go with it. */
  remove(): Promise<void>
}

/** Undefined when there is none of that name, or with `privateKeys` one that has none of them. */
export async function findInterface(
  interfaceName: string,
  privateKeys?: readonly string[],
): Promise<FoundInterface | undefined> {
  const driver = createInterfaceDriver({ interfaceName, runDir: standardRunDir, uapiDir, exec })
  const sight = await driver.look()
  if (sight.state !== 'wireguard') return undefined
  if (privateKeys && !privateKeys.includes(sight.wg.private_key)) return undefined
  return {
    async remove() {
      await driver.remove()
      await rm(recordPath(standardRunDir, interfaceName), { force: true })
    },
  }
}
