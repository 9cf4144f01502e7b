/** What the indicator shows of a state: a shape, a colour and a word, so that none of them has to be enough alone. */
import type { DeviceState } from '@fairtrace/device'

export interface IndicatorLook {
  readonly shape: 'dot' | 'bars' | 'ring'
  /** 0xRRGGBB; at least 4.5 : 1 on the indicator's background. */
  readonly colour: number
  readonly word: string
}

export function indicatorLook(state: DeviceState): IndicatorLook {
  switch (state.state) {
    case 'recording':
      return { shape: 'dot', colour: 0xff8a7a, word: 'recording' }
    case 'paused':
      return { shape: 'bars', colour: 0xffd27a, word: state.by === 'you' ? 'paused by you' : 'paused' }
    case 'blind':
      return { shape: 'ring', colour: 0xffd27a, word: 'sees nothing' }
    case 'stopped':
      return { shape: 'ring', colour: 0xffd27a, word: 'stopped' }
    case 'not-joined':
    case 'reflecting':
    case 'asked':
    case 'no-consent':
      return { shape: 'ring', colour: 0xc5d0cd, word: 'not recording' }
  }
}
