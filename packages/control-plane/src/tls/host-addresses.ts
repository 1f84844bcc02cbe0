import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'

/** By which others may reach this machine: without those that need the name of an interface beside them. */
export function hostAddresses(): NetworkInterfaceInfo[] {
  return Object.values(networkInterfaces()).flatMap((list = []) =>
    list.filter(({ scopeid }) => !scopeid),
  )
}
