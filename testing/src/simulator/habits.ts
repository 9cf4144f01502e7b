/**
 * What makes one simulated person different from the next, drawn once from their seed.
 *
 * Medians and spreads of typing are those measured on the Aalto keystrokes, of pointing on SapiMouse and the two desktop
 * recordings where they show; `docs/simulator.md` says which are measured and which are guessed.
 */
import { LISTED_PLANS } from './apps.ts'
import { SCREENS, type Screen } from './layout.ts'
import { Random, streamOf } from './random.ts'

/** Times in milliseconds, distances in pixels; a `sigma` is the standard deviation of a logarithm. */
export interface PointerHabits {
  /** Fitts' law: time of a movement = reachMs + bitMs × log2(distance / width + 1). */
  readonly reachMs: number
  readonly bitMs: number
  readonly durationSigma: number
  /** How far the path bows out, in parts of the distance; the sign is the side. */
  readonly bow: number
  readonly bowSpread: number
  /** Above 1: late peak of speed, below 1: early. A pure minimum-jerk movement has 1. */
  readonly skew: number
  readonly tremorPx: number
  readonly overshoots: number
  /** Where in a target the person aims, in parts of its size from the centre. */
  readonly aim: { readonly x: number; readonly y: number; readonly spread: number }
  /** Median between arriving and pressing, and between pressing and letting go. */
  readonly settleMs: number
  readonly holdMs: number
  readonly doubleClickMs: number
}

export interface TypingHabits {
  /** Names the person's own times for each pair of keys and each key (`fixedNormal`). */
  readonly hand: number
  /** Median from one press to the next, and how long a key is down. */
  readonly strokeMs: number
  readonly dwellMs: number
  readonly strokeSigma: number
  readonly dwellSigma: number
  /** Share of keys before which the person stops to think, and for how long. */
  readonly pauses: number
  readonly pauseMs: number
  /** Share of characters typed wrong, and how many more are typed before it is noticed. */
  readonly errors: number
  readonly noticesAfter: 0 | 1 | 2
  readonly capitals: 'shift' | 'caps-lock' | 'none'
}

/** Shares between 0 and 1, where nothing else is said. */
interface WorkHabits {
  readonly shortcuts: number
  /** Of what isn't done by shortcut: by the menu of a right click rather than a button. */
  readonly contextMenu: number
  readonly tabsBetweenFields: number
  readonly entersToConfirm: number
  readonly switchesByKeyboard: number
  readonly scrollsByKeyboard: number
  readonly wheelGapMs: number
  readonly wheelBurst: number
  readonly searches: number
  readonly fidgets: number
  readonly readsFirst: number
  readonly thinkMs: number
  /** Weight of going from one listed app to another, by row; order of `LISTED_PLANS`. */
  readonly appWeights: readonly (readonly number[])[]
}

export interface Habits {
  readonly screen: Screen
  readonly pointer: PointerHabits
  readonly typing: TypingHabits
  readonly work: WorkHabits
}

export function drawHabits(seed: number, index: number): Habits {
  const random = new Random(seed, index, streamOf('habits'))
  return {
    screen: random.weighted(SCREENS, [3, 4, 3]),
    pointer: drawPointer(random),
    typing: drawTyping(random),
    work: drawWork(random),
  }
}

/** The same person on another day: a little quicker or slower, steadier or less so. */
export function habitsToday(habits: Habits, random: Random): Habits {
  const { pointer, typing } = habits
  const pace = random.logNormal(1, 0.04)
  return {
    ...habits,
    pointer: {
      ...pointer,
      reachMs: pointer.reachMs * pace,
      bitMs: pointer.bitMs * pace,
      skew: pointer.skew * random.logNormal(1, 0.03),
      tremorPx: pointer.tremorPx * random.logNormal(1, 0.12),
      settleMs: pointer.settleMs * random.logNormal(1, 0.25),
      holdMs: pointer.holdMs * random.logNormal(1, 0.08),
    },
    typing: {
      ...typing,
      strokeMs: typing.strokeMs * random.logNormal(1, 0.06),
      dwellMs: typing.dwellMs * random.logNormal(1, 0.04),
    },
  }
}

function drawPointer(random: Random): PointerHabits {
  return {
    reachMs: random.logNormal(190, 0.22),
    bitMs: random.logNormal(140, 0.18),
    durationSigma: random.between(0.3, 0.44),
    bow: 0.025 * random.normal(),
    bowSpread: random.between(0.13, 0.19),
    skew: random.logNormal(0.7, 0.1),
    tremorPx: random.logNormal(1.1, 0.3),
    overshoots: random.between(0.02, 0.3),
    aim: { x: 0.13 * random.normal(), y: 0.1 * random.normal(), spread: random.between(0.06, 0.14) },
    settleMs: random.logNormal(90, 0.5),
    holdMs: random.logNormal(95, 0.25),
    doubleClickMs: random.logNormal(130, 0.2),
  }
}

function drawTyping(random: Random): TypingHabits {
  return {
    hand: random.below(2 ** 31),
    strokeMs: Math.min(600, random.logNormal(188, 0.37)),
    dwellMs: random.logNormal(101, 0.2),
    strokeSigma: random.between(0.28, 0.42),
    dwellSigma: random.between(0.2, 0.32),
    pauses: random.between(0.015, 0.05),
    pauseMs: random.logNormal(1_100, 0.3),
    errors: Math.min(0.15, random.logNormal(0.024, 0.65)),
    noticesAfter: random.weighted([0, 1, 2], [5, 3, 2]),
    capitals: random.weighted(['shift', 'caps-lock', 'none'], [7, 1, 2]),
  }
}

function drawWork(random: Random): WorkHabits {
  const liking = LISTED_PLANS.map(() => random.logNormal(1, 0.8))
  return {
    shortcuts: habit(random),
    contextMenu: habit(random),
    tabsBetweenFields: habit(random),
    entersToConfirm: habit(random),
    switchesByKeyboard: habit(random),
    scrollsByKeyboard: habit(random) * 0.5,
    wheelGapMs: random.logNormal(70, 0.4),
    wheelBurst: random.between(2, 9),
    searches: habit(random) * 0.6,
    fidgets: random.between(0.3, 0.95),
    readsFirst: habit(random),
    thinkMs: random.logNormal(1_200, 0.35),
    appWeights: liking.map((_, from) => liking.map((weight, to) => (from === to ? 0 : random.logNormal(weight, 0.6)))),
  }
}

/** Most people nearly always do a thing, or nearly never. */
function habit(random: Random): number {
  const u = random.next()
  return u < 0.5 ? 2 * u * u : 1 - 2 * (1 - u) * (1 - u)
}
