/** An address of the control plane, and the way there. */
export interface Place {
  apiUrl: string
  /** From the environment; undefined for none. */
  proxyUrl: string | undefined
}
