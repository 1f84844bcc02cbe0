import type { InterfaceDriver } from './interface-driver.ts'
import type { Sight } from './sight.ts'

/** Frees the name of our interface. Resolves to what was done; undefined if our interface does not exist under another name. */
export async function takeBack(
  driver: Pick<InterfaceDriver, 'remove' | 'rename'>,
  name: string,
  sight: Sight,
): Promise<string | undefined> {
  if (sight.state === 'frozen') {
    await driver.remove(sight)
    return sight.why
  }
  if (sight.state !== 'wireguard' || sight.link.name === name) return undefined
  await driver.rename(sight.link.name)
  return `interface was renamed to "${sight.link.name}"`
}
