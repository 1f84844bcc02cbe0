import { type Admin, list } from '../../command.ts'
import { age, ageOf } from '../../terminal/output.ts'

export const statusCommand = list({
  name: 'status',
  description:
    'list the control planes of the installation: which serves, and which pass on to it until their turn; of a node: plexctl node show, or plexd status there',
  examples: ['plexctl status', 'plexctl status --json'],
  items: async (admin: Admin) => (await admin.listControlPlanes({})).body.items,
  columns: [
    'machine',
    ['process', ({ pid }) => String(pid)],
    'address',
    ['stun', ({ stun_servers = [] }) => stun_servers.join(' ') || '-'],
    'version',
    'state',
    ['since', ({ since }, io) => ageOf(since, io)],
    ['streams', ({ state, streams }) => (state === 'serving' ? String(streams) : '-')],
    age('seen_at'),
  ],
})
