import { open } from 'node:fs/promises'
import { errorCodeOf } from '@plexd/runtime'

/** Why wireguard-go cannot create its interface; undefined if it can. Opening the device creates none. */
export async function tunFault(path = '/dev/net/tun'): Promise<string | undefined> {
  try {
    await (await open(path, 'r+')).close()
    return undefined
  } catch (error) {
    const code = errorCodeOf(error)
    return code === 'ENOENT' ? `"${path}" is not there` : `"${path}" cannot be opened (${code})`
  }
}

export const tunRemedy =
  'modprobe tun; a container is given it with "--device /dev/net/tun" by whoever starts it'
