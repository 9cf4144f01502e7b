import type { Drill } from '../drill.ts'
import { openUploader, send } from '../upload.ts'

export const staleToken: Drill = {
  id: 'stale-token',
  async attack(ground) {
    const uploader = await openUploader(ground)
    const batch = uploader.batch()
    const over = { startsAtMs: uploader.nowMs - 120_000, endsAtMs: uploader.nowMs - 60_000 }
    const late = await send(ground, batch, uploader.permit(batch.id, over))
    const fenced = await send(ground, batch, uploader.permit(batch.id, { epoch: ground.programme.epoch + 1 }))
    return {
      held: late === 'PERMIT_EXPIRED' && fenced === 'EPOCH_OVER',
      why: `${late ?? 'taken'}, ${fenced ?? 'taken'}`,
    }
  },
  without: {
    patches: [
      {
        file: 'packages/server/src/intake/check-upload.ts',
        from: 'if (!inPeriod) throw',
        to: 'if (!inPeriod && Number.isNaN(nowMs)) throw',
      },
    ],
  },
}
