import type { Drill } from '../drill.ts'
import { useDevice } from '../drill-device.ts'

export const unreviewedBuild: Drill = {
  id: 'unreviewed-build',
  async attack(ground) {
    const { refused } = await useDevice(ground, { act: 'work', build: `build-of-drill-${ground.run.slice(0, 8)}` })
    return { held: refused === 'BUILD_NOT_REVIEWED', why: refused ?? 'a lease' }
  },
  without: {
    patches: [
      {
        file: 'packages/server/src/api/routes/device-routes.ts',
        from: "throw new FairtraceError('BUILD_NOT_REVIEWED', 'the build is not in the charter')",
        to: '',
      },
      {
        file: 'packages/server/src/consent/decide.ts',
        from: 'if (!charter.builds.device.includes(standing.build)) {',
        to: "if (standing.build === '') {",
      },
    ],
  },
}
