/** The parts of `docs/what-leaves.md` that come from a run of the shield: the pictures, and the lines under them. */
import { readFileSync, writeFileSync } from 'node:fs'
import { drawScene, leftLines } from './draw-scene.ts'
import { leaves, SCENES } from './scenes.ts'

const PAGE = new URL('../../docs/what-leaves.md', import.meta.url)
const pictureOf = (id: string) => new URL(`../../docs/pictures/what-leaves-${id}.svg`, import.meta.url)

/** Each file with what it must say. */
function files(): readonly (readonly [file: URL, text: string])[] {
  let page = readFileSync(PAGE, 'utf8')
  for (const scene of SCENES) {
    const actions = leaves(scene.events)
    const block = [
      `<!-- ${scene.id}: written by scripts/what-leaves.ts -->`,
      `![${scene.title}: on the left what is seen, on the right what leaves](pictures/what-leaves-${scene.id}.svg)`,
      '',
      `**What leaves,** whole: ${leftLines(actions).join('; ')}.`,
      `<!-- end of ${scene.id} -->`,
    ].join('\n')
    page = page.replace(new RegExp(`<!-- ${scene.id}: [\\s\\S]*?<!-- end of ${scene.id} -->`), () => block)
  }
  return [[PAGE, page], ...SCENES.map((scene): [URL, string] => [pictureOf(scene.id), drawScene(scene)])]
}

export function writePage(): void {
  for (const [file, text] of files()) writeFileSync(file, text)
}

/** Names of the files that are not what a run of the shield gives now. */
export function stalePages(): string[] {
  return files()
    .filter(([file, text]) => read(file) !== text)
    .map(([file]) => file.pathname.split('/docs/')[1] ?? file.pathname)
}

function read(file: URL): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    // A picture that isn't there is stale like any other.
    return null
  }
}
