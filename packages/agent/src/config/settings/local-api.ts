import { setting } from './setting.ts'
import { duration, flag, text } from './values.ts'

/** Where programs on the node are served. */
export const localApiSettings = {
  socketEnabled: setting(true, flag, {
    keys: ['node_api.enabled'],
    env: 'PLEXD_NODE_API_ENABLED',
    help: 'serve the Local Node API on a Unix socket',
  }),
  socketPath: setting('/var/run/plexd/api.sock', text, {
    keys: ['node_api.socket', 'node_api.socketpath', 'socket', 'socket_path'],
    env: 'PLEXD_NODE_API_SOCKET',
    flag: '--socket <path>',
    help: 'Local Node API',
  }),
  httpEnabled: setting(false, flag, {
    keys: ['node_api.http.enabled', 'node_api.httpenabled'],
    env: 'PLEXD_NODE_API_HTTP_ENABLED',
    help: 'serve the Local Node API over TCP too',
  }),
  httpListen: setting('127.0.0.1:9100', text, {
    keys: ['node_api.http.listen', 'node_api.httplisten'],
    env: 'PLEXD_NODE_API_HTTP_LISTEN',
    help: 'where it is served then',
  }),
  httpTokenFile: setting<string | undefined>(undefined, text, {
    keys: ['node_api.http.token_file', 'node_api.httptokenfile'],
    wants: 'file',
    credential: 'plexd.http-token',
    help: 'the token that callers over TCP have to show',
  }),
  reportDebounceMs: setting(5_000, duration(0), {
    keys: ['node_api.debounce', 'node_api.debounceperiod'],
    help: 'how long reports of local programs are gathered before they are sent',
  }),
}
