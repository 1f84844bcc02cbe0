import { rm } from 'node:fs/promises'
import { exec, systemClock } from '@plexd/runtime'
import { standardRunDir } from '../../disk/namespace-folder.ts'
import { publicKeyOf } from '../../identity/keys.ts'
import { uapiDir } from '../backend/backend-userspace.ts'
import { loadRecord, recordPath } from '../device/device-record.ts'
import { createInterfaceDriver, isTunnel, type Sight } from './interface-driver.ts'

/** A WireGuard interface, whoever drives it. */
export interface FoundInterface {
  /** False when only what it leaves behind may be there: a process, a socket. */
  isThere: boolean
  /** Ends it, and wireguard-go with it. */
  remove(): Promise<void>
}

/**
 * The interface of that name, or that had it, also one that does not work any more. Undefined when with `privateKeys`
 * there is none that has one of these; without, what is left behind of one counts too.
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
  // What does not answer is seen to be dead when it is asked again.
  const named = await driver.look().catch(() => driver.look())
  // What has the name may be somebody else's, and ours have another by now.
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
 * Whether it is one of these keys, or where none are named the one that was written down. An interface that was given
 * none yet is not ours, whoever is about to set it up. Pure.
 */
export function isKeyOf(
  privateKey: string,
  privateKeys: readonly string[] | undefined,
  recorded: string,
): boolean {
  if (privateKey === '') return false
  return privateKeys?.includes(privateKey) ?? publicKeyOf(privateKey) === recorded
}

/** One that does not tell its key had the one that was written down when it was given to it. */
function isOfKeys(sight: Sight, privateKeys: readonly string[], recorded: string): boolean {
  if (sight.state === 'wireguard') return isKeyOf(sight.wg.private_key, privateKeys, recorded)
  return isTunnel(sight) && privateKeys.some((key) => key !== '' && publicKeyOf(key) === recorded)
}
