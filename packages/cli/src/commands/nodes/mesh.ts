import { type Admin, call, list, noun } from '../../command.ts'
import { age } from '../../terminal/output.ts'

export const meshCommands = noun(
  { name: 'mesh', description: 'the addresses of the mesh' },
  noun(
    { name: 'range', description: 'where nodes have their addresses from' },
    list({
      description: 'list the ranges of the mesh, in the order they were added',
      examples: ['plexctl mesh range list'],
      items: async (admin: Admin) => (await admin.listMeshRanges({})).body.items,
      columns: [
        'range',
        'nodes',
        ['room for', ({ capacity }) => String(capacity)],
        ['new nodes', ({ takes_new }) => (takes_new ? 'take from it' : '-')],
        age('added_at'),
      ],
    }),
    call({
      name: 'add',
      description:
        'add a range, from which new nodes take; those that are there keep their addresses',
      args: [['<cidr>', 'of private addresses, such as 10.101.0.0/16']],
      examples: ['plexctl mesh range add 10.101.0.0/16'],
      call: (admin: Admin, cidr: string) => admin.addMeshRange({ body: { range: cidr } }),
      text: (added) => `new nodes take their addresses from ${added.range} now`,
    }),
    call({
      name: 'remove',
      description: 'remove a range that no node has its address from',
      args: [['<cidr>']],
      examples: ['plexctl mesh range remove 10.100.0.0/16'],
      asks: (cidr) => `remove mesh range "${cidr}"`,
      call: (admin: Admin, cidr: string) => admin.removeMeshRange({ params: { range: cidr } }),
      text: (_body, cidr) => `removed ${cidr}`,
    }),
  ),
)
