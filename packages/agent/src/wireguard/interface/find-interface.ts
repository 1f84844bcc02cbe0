import { rm } from 'node:fs/promises'
import { exec, systemClock } from '@plexd/runtime'
import { standardRunDir } from '../../disk/namespace-folder.ts'
import { publicKeyOf } from '../../identity/keys.ts'
import { uapiDir } from '../backend/backend-userspace.ts'
import { loadRecord, recordPath } from '../device/device-record.ts'
import { createInterfaceDriver } from './interface-driver.ts'
import { isTunnel, type Sight } from './sight.ts'

/** A WireGuard interface, whoever drives it. */
export interface FoundInterface {
  /** False if only its process or socket may be left. */
  isThere: boolean
  /** Removes it, and ends wireguard-go. */
  remove(): Promise<void>
}

/**
 * The interface that has or had this name, even if it does not work any more. With `privateKeys` undefined unless it has one
 * of these; without, the remains of one count too.
 */
export async function findInterface(
  interfaceName: string,
  privateKeys?: readonly string[],
): Promise<FoundInterface | undefined> {
  const path = recordPath(standardRunDir, interfaceName)
  const { public_key } = await loadRecord(path)
  const isOurKey = (key: string): boolean => isKeyOf(key, privateKeys, public_key)
  const driver = createInterfaceDriver({
    interfaceName,
    runDir: standardRunDir,
    uapiDir,
    isOurKey,
    exec,
    clock: systemClock,
  })
  // If the process does not answer, the next request finds out that it is dead.
  const named = await driver.look().catch(() => driver.look())
  // Another interface may have the name, and ours may have been renamed.
  const sight = isTunnel(named) ? named : ((await driver.findStray()) ?? named)
  if (privateKeys && !isOfKeys(sight, privateKeys, public_key)) return undefined
  if (sight.state === 'foreign' && !isTunnel(sight)) return undefined
  return {
    isThere: isTunnel(sight),
    async remove() {
      await driver.remove(sight)
      await rm(path, { force: true })
    },
  }
}

/**
 * Whether it is one of these keys, or the recorded one if none are given. An interface without a key is not
 * ours. Pure.
 */
export function isKeyOf(
  privateKey: string,
  privateKeys: readonly string[] | undefined,
  recorded: string,
): boolean {
  if (privateKey === '') return false
  return privateKeys?.includes(privateKey) ?? publicKeyOf(privateKey) === recorded
}

/** For an interface that does not report its key, the recorded one counts. */
function isOfKeys(sight: Sight, privateKeys: readonly string[], recorded: string): boolean {
  if (sight.state === 'wireguard') return isKeyOf(sight.wg.private_key, privateKeys, recorded)
  return isTunnel(sight) && privateKeys.some((key) => key !== '' && publicKeyOf(key) === recorded)
}
