import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Drill } from '../drill.ts'
import { useDevice } from '../drill-device.ts'

export const typedSecret: Drill = {
  id: 'typed-secret',
  async attack(ground) {
    const secret = `quartz${ground.run.replaceAll(/[^a-z]/gi, '').toLowerCase()}vex`
    const { refused, leaving, folder } = await useDevice(ground, { act: 'work', text: secret })
    const written = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .filter((entry) => readFileSync(join(entry.parentPath, entry.name)).includes(secret)).length
    const isThere = leaving.toLowerCase().includes(secret)
    const isTyped = leaving.includes('"kind":"type"')
    return {
      held: refused === null && isTyped && !isThere && written === 0,
      why: refused ?? `${isThere ? 'would leave' : 'would not leave'}, in ${written} files`,
    }
  },
  without: {
    runner: true,
    patches: [
      {
        file: 'packages/core/src/shield/protect.ts',
        // A line for debugging that somebody forgot.
        from: "case 'type':\n      return {",
        to: "case 'type':\n      process.getBuiltinModule('node:fs').appendFileSync('debug.log', String.fromCodePoint(...raw.text.codes.subarray(0, raw.text.kept)))\n      return {",
      },
    ],
  },
}
