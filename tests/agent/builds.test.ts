/** The builds that charters list are those that the parts declare. */

import { aCharter } from '@fairtrace/testing/harness'
import { AGENT_BUILD } from 'fairtrace-agent'
import { describe, expect, it } from 'vitest'
import { DEVICE_BUILDS } from '../../apps/cli/src/charter/device-builds.ts'
import { EXTENSION_BUILD } from '../../apps/extension/src/build.ts'

describe('the builds of a charter', () => {
  it('are the agent’s and the extension’s own, in the demonstration and in tests', () => {
    expect(DEVICE_BUILDS).toContain(AGENT_BUILD)
    expect(DEVICE_BUILDS).toContain(EXTENSION_BUILD)
    expect(aCharter().builds.device).toEqual(expect.arrayContaining([AGENT_BUILD, EXTENSION_BUILD]))
  })
})
