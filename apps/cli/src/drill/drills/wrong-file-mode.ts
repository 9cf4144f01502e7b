import { chmodSync } from 'node:fs'
import type { Drill } from '../drill.ts'
import { exposeAndMend } from '../exposed.ts'
import { TOLD_NOBODY } from '../told-nobody.ts'

const SUBJECTS = [{ kind: 'reader-unexpected', subject: 'file objects' }]

export const wrongFileMode: Drill = {
  id: 'wrong-file-mode',
  attack: (ground) => {
    const path = ground.dir.path('objects')
    const plant = { undo: { kind: 'mode', path, mode: 0o700 }, plant: async () => chmodSync(path, 0o755) } as const
    return exposeAndMend(ground, SUBJECTS, [plant])
  },
  without: { patches: TOLD_NOBODY, waits: true },
}
