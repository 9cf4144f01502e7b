/**
 * How a twin takes a safeguard away: a script that Node runs before a process, which changes modules as they load. It exists in a
 * folder of the twin's own and nowhere else; nothing in the program can turn a safeguard off.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Patch } from './drill.ts'

const ROOT = new URL('../../../../', import.meta.url)

/** Where a patched file lies. */
export function patchedFile({ file }: Patch): string {
  return fileURLToPath(new URL(file, ROOT))
}

/**
 * Writes the script.
 * @returns what Node has to be given; nothing for no patches
 */
export function writePreload(folder: string, name: string, patches: readonly Patch[]): readonly string[] {
  if (patches.length === 0) return []
  const unique = new Map(patches.map((patch) => [`${patch.file}\n${patch.from}`, patch]))
  const changes = [...unique.values()].map((patch) => ({ ...patch, url: pathToFileURL(patchedFile(patch)).href }))
  const file = join(folder, `${name}.mjs`)
  writeFileSync(file, `const changes = ${JSON.stringify(changes, null, 2)}\n${SCRIPT}`)
  return ['--import', pathToFileURL(file).href]
}

// A change whose text is not there, or not once, is a defect of the twin: then the process doesn't start.
const SCRIPT = `import { registerHooks } from 'node:module'
registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    const mine = changes.filter((change) => change.url === url)
    if (mine.length === 0) return loaded
    let source = typeof loaded.source === 'string' ? loaded.source : Buffer.from(loaded.source).toString('utf8')
    for (const { file, from, to } of mine) {
      const parts = source.split(from)
      if (parts.length !== 2) throw new Error('twin: the text is ' + (parts.length - 1) + ' times in ' + file)
      source = parts.join(to)
    }
    return { ...loaded, source }
  },
})
`
