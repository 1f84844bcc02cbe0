import { type LocalApi, localApi } from '@plexd/protocol'
import { type Answer, answerOf, textAnswer } from './answer.ts'

export type RouteName = keyof LocalApi

/** Where a request leads: to a route with its decoded key, or to an answer that the router gives itself. */
export type Match =
  | { readonly name: RouteName; readonly key: string; readonly query: string }
  | { readonly answer: Answer }

/** A key that is no UTF-8: no entry can have it. */
export const invalidKey = '\ud800'

/**
 * Finds the route by the path as it came, as Go's router does: `%2F` is part of a key and `/` is not, `//` and dot
 * segments are redirected to the clean path, HEAD goes where GET goes, a trailing slash leads nowhere.
 */
export function matchRoute(method: string, target: string): Match {
  const { path, query } = splitTarget(target)
  if (/%(?![0-9A-Fa-f]{2})/.test(path)) return { answer: badRequest }
  const clean = cleanPath(path)
  if (clean !== path)
    return { answer: redirect(method, query === '' ? clean : `${clean}?${query}`) }
  const found = findPath(path)
  if (!found) return { answer: notFound }
  const name = found.methods.get(method)
  return name === undefined
    ? { answer: found.notAllowed }
    : { name, key: decodeKey(found.segment), query }
}

interface Path {
  methods: ReadonlyMap<string, RouteName>
  notAllowed: Answer
}

/** Paths without their key: `/v1/state/report` and `/v1/state/report/`. */
const paths: ReadonlyMap<string, Path> = groupRoutes()

function findPath(path: string): (Path & { segment: string }) | undefined {
  const exact = paths.get(path)
  // The table's own `/v1/state/report/` is the form with a key, which is not empty.
  if (exact && !path.endsWith('/')) return { ...exact, segment: '' }
  const cut = path.lastIndexOf('/') + 1
  const withKey = paths.get(path.slice(0, cut))
  const segment = path.slice(cut)
  return withKey && segment !== '' ? { ...withKey, segment } : undefined
}

function groupRoutes(): Map<string, Path> {
  const rows = Object.entries(localApi) as [RouteName, LocalApi[RouteName]][] // the table's own names
  const byPath = Map.groupBy(rows, ([, { path }]) => path.replace('{key}', ''))
  return new Map([...byPath].map(([path, group]) => [path, toPath(group)]))
}

function toPath(rows: readonly (readonly [RouteName, LocalApi[RouteName]])[]): Path {
  const methods = new Map<string, RouteName>(rows.map(([name, { method }]) => [method, name]))
  const get = methods.get('GET')
  if (get) methods.set('HEAD', get)
  const allow = [...methods.keys()].sort().join(', ')
  return { methods, notAllowed: textAnswer(405, 'Method Not Allowed', { Allow: allow }) }
}

const notFound = textAnswer(404, '404 page not found')
const badRequest = answerOf(400, '400 Bad Request', {
  'Content-Type': 'text/plain; charset=utf-8',
  Connection: 'close',
})

/** A proxy's absolute form is accepted as well. */
function splitTarget(target: string): { path: string; query: string } {
  const local = target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?]*/i, '')
  const cut = local.indexOf('?')
  return cut === -1
    ? { path: local, query: '' }
    : { path: local.slice(0, cut), query: local.slice(cut + 1) }
}

/** Go's path.Clean, keeping a slash at the end. */
function cleanPath(path: string): string {
  if (!/\/\/|\/\.\.?(?:\/|$)|^[^/]|^$/.test(path)) return path
  const segments: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop()
    else if (segment !== '' && segment !== '.') segments.push(segment)
  }
  const clean = `/${segments.join('/')}`
  return path.endsWith('/') && clean !== '/' ? `${clean}/` : clean
}

/** 307 as Go 1.26 answers, so that a PUT stays a PUT; with a body only for those who read one. */
function redirect(method: string, location: string): Answer {
  const read = method === 'GET' || method === 'HEAD'
  const text = location.replace(/[<>&"']/g, (char) => `&#${char.charCodeAt(0)};`)
  return answerOf(307, read ? `<a href="${text}">Temporary Redirect</a>.\n\n` : '', {
    Location: location,
    ...(read ? { 'Content-Type': 'text/html; charset=utf-8' } : {}),
  })
}

function decodeKey(segment: string): string {
  if (!segment.includes('%')) return segment
  try {
    return decodeURIComponent(segment)
  } catch {
    return invalidKey
  }
}
