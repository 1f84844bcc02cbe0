/** On one line. */
export function nodesWithReasons(
  nodes: readonly { hostname: string; reason: string }[] | undefined,
): string {
  return (nodes ?? []).map(({ hostname, reason }) => `${hostname} (${reason})`).join('; ')
}
