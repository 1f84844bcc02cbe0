import { describeError } from '@plexd/runtime'

/** Neither the kernel nor wg nor wireguard-go says which port is in use. */
const isTaken = /address already in use/i

/** The error as it is, or what to do if it says that the listen port is in use. */
export function explainTakenPort(error: unknown, port: number): unknown {
  if (!isTaken.test(describeError(error))) return error
  return new Error(
    `listen on UDP port ${port}: another program has it: "ss -ulpn sport = :${port}" shows which; end that, or name another port as "mesh.listen_port" in the config`,
  )
}
