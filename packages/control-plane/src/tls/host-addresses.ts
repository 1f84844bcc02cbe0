import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'

/** Addresses at which others may reach this machine: without those that need a zone (link-local). */
export function hostAddresses(): NetworkInterfaceInfo[] {
  return Object.values(networkInterfaces()).flatMap((list = []) =>
    list.filter(({ scopeid }) => !scopeid),
  )
}
