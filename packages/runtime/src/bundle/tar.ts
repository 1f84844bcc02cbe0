/** In a file of its own, so that it can be loaded when it is needed: bundled, a module of CommonJS has its names only where they are imported. */
export { pack } from 'tar-stream'
