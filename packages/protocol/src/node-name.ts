/** What people call a node and what programs call it: `web-01 (n_k3v9)`; the id alone where there is no name. */
export function formatNode(id: string, hostname: string | null | undefined): string {
  return hostname ? `${hostname} (${id})` : id
}
