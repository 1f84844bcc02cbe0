/** One end of a copy: on a node, or here. */
export interface End {
  /** `LOGIN@NODE` or `NODE`; absent: this machine. */
  place?: string
  path: string
}

/** As scp takes it: what stands in front of a colon is a node, unless there is a slash before it. */
export function parseEnd(text: string): End {
  const [, place, path = ''] = /^([^/:]+|[^/@:]+@[^/:]+):(.*)$/s.exec(text) ?? []
  if (place === undefined) return { path: text }
  return { place, path: fromHome(path) }
}

/** The SFTP server starts in the home folder, and knows no `~`. */
function fromHome(path: string): string {
  if (path === '' || path === '~') return '.'
  return path.startsWith('~/') ? path.slice(2) || '.' : path
}
