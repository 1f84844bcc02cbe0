/** On one line; `count` of them in all, of which the answer has the first. */
export function nodesWithReasons(
  nodes: readonly { node_id: string; hostname: string; reason: string }[] = [],
  count = 0,
): string {
  const shown = nodes.map(({ node_id, hostname, reason }) => `${hostname} ${node_id} (${reason})`)
  const more = count - nodes.length
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('; ')
}
