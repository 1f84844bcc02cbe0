import type { MoveStatus } from '@plexd/protocol'
import { type Admin, call, noun } from '../../command.ts'
import { nodesWithReasons } from './nodes-with-reasons.ts'

export const moveCommands = noun(
  {
    name: 'move',
    description: 'the control plane moves to another address, and nodes follow',
    examples: ['plexctl move status'],
  },
  call({
    name: 'announce',
    description: 'tell all nodes where the control plane will be, the best address first',
    args: [['<url...>', 'https://HOST[:PORT]']],
    examples: ['plexctl move announce https://new.example.com:8443'],
    call: (admin: Admin, urls: string[]) => admin.announceMove({ body: { urls } }),
    text: ({ urls, nodes }) =>
      `${nodes} nodes are told that the control plane will be at ${urls.join(', ')}; when all know (plexctl move status), move it`,
  }),
  call({
    name: 'status',
    description: 'show how many nodes know, how many are there, and which will not follow',
    examples: ['plexctl move status', 'plexctl move status --json'],
    call: (admin: Admin) => admin.getMove({}),
    lines: linesOf,
  }),
  call({
    name: 'end',
    description: 'announce no address any more: nodes stay where they are',
    examples: ['plexctl move end --yes'],
    asks: () => 'end the move: nodes that are not there yet will not follow',
    call: (admin: Admin) => admin.announceMove({ body: { urls: [] } }),
    text: () => 'no address is announced any more',
  }),
)

function linesOf(status: MoveStatus): Record<string, string> {
  const { urls, url, nodes, told_count, there_count, behind, behind_count, ahead, ahead_count } =
    status
  const isMoving = urls.length > 0
  const ofAll = (count: number): string => (isMoving ? `${count} of ${nodes} nodes` : '')
  return {
    announced: urls.join(', ') || 'nothing',
    'is now at': url,
    'known to': ofAll(told_count),
    there: ofAll(there_count),
    behind: nodesWithReasons(behind, behind_count),
    'not heeded by': nodesWithReasons(ahead, ahead_count),
  }
}
