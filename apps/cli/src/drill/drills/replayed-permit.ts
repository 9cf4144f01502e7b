import type { Drill } from '../drill.ts'
import { openUploader, send } from '../upload.ts'

export const replayedPermit: Drill = {
  id: 'replayed-permit',
  async attack(ground) {
    const uploader = await openUploader(ground)
    const [one, other] = [uploader.batch(), uploader.batch({ sequence: 2 })]
    const code = await send(ground, other, uploader.permit(one.id))
    return { held: code === 'BATCH_ID_MISMATCH', why: code ?? 'taken' }
  },
  without: {
    patches: [
      {
        file: 'packages/server/src/intake/check-upload.ts',
        from: 'if (permit.batch !== id) throw',
        to: 'if (permit.batch === undefined) throw',
      },
    ],
  },
}
