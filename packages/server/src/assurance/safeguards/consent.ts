/** Safeguards of the first two promises: nothing without consent that is alive, and nothing of what is typed. */
import type { Safeguard } from '../safeguard.ts'

export const CONSENT_SAFEGUARDS: readonly Safeguard[] = [
  {
    id: 'time-to-think',
    statement: 'Nobody can say yes before the reflection period is over.',
    promise: 1,
    owner: 'worker-representative',
    drill: 'rushed-consent',
    needsRunning: true,
    attack: 'Takes an invitation and says yes at once.',
  },
  {
    id: 'permits-end',
    statement: 'A permit that is over, or of another epoch, lets nothing in.',
    promise: 1,
    owner: 'operator',
    drill: 'stale-token',
    needsRunning: true,
    attack: 'Uploads with permits under the right signature: one a minute over, one of another epoch.',
  },
  {
    id: 'builds-reviewed',
    statement: 'A device that runs a build nobody reviewed gets no lease.',
    promise: 1,
    owner: 'security',
    drill: 'unreviewed-build',
    needsRunning: true,
    attack: 'Enrols a device that declares another build, and asks for a lease.',
  },
  {
    id: 'deaf-device-stops',
    statement: 'A device that hears nothing any more stops when its lease is over.',
    promise: 1,
    owner: 'operator',
    drill: 'deaf-device',
    needsRunning: true,
    attack: 'Takes a real lease, cuts the device off from every address, and goes on working past the end.',
  },
  {
    id: 'two-clocks',
    statement: 'Stopping the clock of a device makes no lease longer, and a wrong clock gets none.',
    promise: 1,
    owner: 'operator',
    drill: 'stopped-clock',
    needsRunning: true,
    attack:
      'Holds the wall clock of a device with a real lease, and goes on working; asks for a lease with a wrong clock.',
  },
  {
    id: 'text-stays',
    statement: 'Nothing of what is typed is kept, shown for upload or sent.',
    promise: 2,
    owner: 'data-protection',
    drill: 'typed-secret',
    needsRunning: true,
    attack: 'Types a secret on an enrolled device, then looks for it in everything that would leave and in its folder.',
  },
  {
    id: 'charter-checked-again',
    statement: 'What a device captures beyond the charter is never stored, whatever the device believes.',
    promise: 2,
    owner: 'data-protection',
    drill: 'charter-drift',
    needsRunning: true,
    attack: 'Sends a batch, rightly signed and sealed, in which a button has a name that the charter does not list.',
  },
]
