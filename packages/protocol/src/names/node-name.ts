/** The name for people and the id for programs: `web-01 (n_k3v9)`; only the id if there is no name. */
export function formatNode(id: string, hostname: string | null | undefined): string {
  return hostname ? `${hostname} (${id})` : id
}
