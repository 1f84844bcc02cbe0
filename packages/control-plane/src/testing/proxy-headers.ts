/** A header of the PROXY protocol, version 2, byte for byte as its specification has it, and not by the code that reads it. */
export function proxyHeader({
  command = 1,
  family = 0x11,
  addresses = [],
  tlvs = [],
}: {
  command?: number
  family?: number
  addresses?: readonly number[]
  tlvs?: readonly number[]
}): Buffer {
  const length = addresses.length + tlvs.length
  return Buffer.from([
    ...[0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a],
    ...[0x20 | command, family, length >> 8, length & 0xff],
    ...addresses,
    ...tlvs,
  ])
}

/** Of a connection from an IPv4 address to 192.0.2.1:8443. */
export function headerFrom(address: string, port = 4_711): Buffer {
  const source = address.split('.').map(Number)
  const ports = [port >> 8, port & 0xff, 8_443 >> 8, 8_443 & 0xff]
  return proxyHeader({ addresses: [...source, 192, 0, 2, 1, ...ports] })
}
