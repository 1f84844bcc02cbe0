/** A peer as the seed's examples have it; what differs each time is empty. */
export const seedPeer = {
  id: 'n_peer456',
  public_key: '',
  mesh_ip: '10.100.1.2',
  endpoint: '203.0.113.10:51820',
  allowed_ips: ['10.100.1.2/32'],
  psk: '',
}
