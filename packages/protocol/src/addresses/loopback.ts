/** Whether a host in a setting or a URL is this machine. */
export function isLoopback(text: string): boolean {
  const host = text.replace(/^\[|\]$/g, '')
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}
