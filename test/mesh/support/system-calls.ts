import { readFile } from 'node:fs/promises'

/** What a program asked the kernel, and wireguard-go, to change, and that it asked them at all. */
export interface KernelCalls {
  /** As strace shows them, a line each. */
  writes: string[]
  reads: string[]
}

/** Runs a program so that its requests, and those of all that it starts, are noted in the file. */
export function noting(file: string): string[] {
  const calls = 'trace=sendto,sendmsg,write,writev'
  // The tracer is the child, so that signals reach the program.
  return ['strace', '-D', '-f', '--seccomp-bpf', '-qq', '-s', '100', '-v', '-e', calls, '-o', file]
}

export async function readCalls(file: string): Promise<KernelCalls> {
  const lines = (await readFile(file, 'utf8')).split('\n')
  return { writes: lines.filter(isWrite), reads: lines.filter((line) => isRead.test(line)) }
}

const isRead = /nlmsg_type=RTM_GET|NFT_MSG_GET|"get=1/
const isChange = /nlmsg_type=RTM_(?:NEW|DEL|SET)|NFT_MSG_(?:NEW|DEL|DESTROY)|"set=1/

/** A batch for nftables without an end is only checked. */
function isWrite(line: string): boolean {
  return isChange.test(line) && (!line.includes('NFT_MSG_') || line.includes('BATCH_END'))
}
