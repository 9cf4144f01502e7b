import { DEVICE_BUILD } from '@fairtrace/device'
import { AGENT_BUILD } from 'fairtrace-agent/build'

/** As the extension declares itself; a test compares it with the extension's own word, whose code nothing here may load. */
const EXTENSION_BUILD = 'fairtrace-extension-0.1.0'

/** Everything of this version that can capture, for the charter's list of reviewed builds. */
export const DEVICE_BUILDS: readonly string[] = [DEVICE_BUILD, AGENT_BUILD, EXTENSION_BUILD]
