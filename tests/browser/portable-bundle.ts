/** The portable half of the device as one module for a browser. */
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

/** @throws if anything in it needs Node, naming it */
export async function bundlePortable(): Promise<string> {
  const entry = fileURLToPath(new URL('../../packages/device/src/portable.ts', import.meta.url))
  const built = await build({
    configFile: false,
    logLevel: 'silent',
    plugins: [
      {
        name: 'no-node',
        enforce: 'pre',
        resolveId(id, importer) {
          if (id.startsWith('node:')) throw new Error(`${importer} imports ${id}`)
          return null
        },
      },
    ],
    build: { write: false, minify: false, lib: { entry, formats: ['es'] } },
  })
  const [first] = Array.isArray(built) ? built : [built]
  if (first === undefined || !('output' in first)) throw new Error('vite built nothing')
  return first.output[0].code
}
