/** What a release says about itself, once, for the card and the data sheet. Only what the code does, and what it doesn't. */
import type { Charter } from '@fairtrace/core'
import type { CapFacts } from './cap-facts.ts'

export const STATEMENTS = {
  summary:
    'How people operate software, as short segments of actions (hover, click, drag, scroll, press, hotkey, type) without text, time or pointer path.',
  licence:
    'Use is allowed for the purpose of the charter and forbidden for the purposes that it forbids, evaluating or monitoring people always among them.',
  demonstration:
    'Built by a demonstration: its participants are simulated, unless somebody replayed recordings into it.',
  collection:
    'Captured with informed, revocable consent. On the device, before anything was stored, input events became actions: no text, no time, no path, no screen pixels. Each participant could see and delete everything before it left.',
  timeframe: 'Not known: times are removed on the device and none is stored.',
  rawData:
    'None is kept. Input events exist in memory only; a stored recording holds the same actions as this release.',
  missing:
    'Secure fields, private windows and apps outside the charter yield nothing. Where no element was known, a cell of an 8 × 8 grid stands for the position.',
  biases:
    'Only people who consented, only apps that the charter lists, and only what at least k of them used: rare apps, labels and tasks are missing, and with them rare ways of working.',
  limitations: [
    'A segment lies in one app and ends after a fixed number of actions or when the app changes: a trajectory is an excerpt of a task. A last step computer.terminate is there only where the participant marked the task: success for done, failure for not done; every other excerpt just stops.',
    "What was typed is unknown: pyautogui.write(message='<number:short>') names its kind and length class and must not be typed. A shortcut with a character that has no key name holds '<symbol>'.",
    'Coordinates are target centres on a drawn schematic of 1280 × 800, not pixels of a screen. The picture of a step shows that schematic with the target of the step (for keys and text, of the step before) filled in; it is no screenshot and gives the position away.',
    'Scrolls are merged: an amount is a number of wheel notches rounded up to a power of two; positive is up (scroll) and right (hscroll).',
    'Double and triple clicks with the right or middle button are written as one; the Parquet files hold the count.',
    'Trajectories for Anthropic, OpenAI and OSWorld leave out a segment that their format cannot say; the path of a drag for OpenAI is made up from how hands move in general and says nothing about the person.',
  ],
  socialImpact:
    'Made so that software agents can learn from work without watching the people who do it. A release cannot be recalled once it was exported.',
  maintenance:
    'A release never changes. A withdrawal stops capture; it does not yet reach what is stored: erasure and reissue are not built, so recordings of people who withdrew can still be in this release and in later ones.',
  preprocessing: (charter: Charter): string[] => [
    `Recordings were cut into segments of at most ${charter.release.segmentActionsMax} actions, at every change of app and task.`,
    `Of each person at most ${charter.release.segmentsPerPersonMax} segments were drawn by chance; all segments were shuffled and named anew.`,
    `Apps that fewer than ${charter.release.k} of these people used were left out with their segments; labels and tasks below ${charter.release.k} were removed. This holds for what is in the release, after the contribution cap.`,
  ],
  bound: ({ shareMax, typeActions, bound, kept }: CapFacts): string =>
    `Nobody owns more than ${shareMax} of any type (${typeActions} actions in a row, by app, kind, and role, key, shortcut or kind and length of text), in this release and over all releases; the largest share in it is ${bound}. Whoever sees one type, and knows nothing else, is right about whose it is with a chance of at most ${bound}. What is longer than a type is measured by the risk gate and not bounded. The cap kept ${kept} of the drawn actions; segments were cut where it had to.`,
  gate: (gate: string | null): string =>
    gate === null
      ? 'No attacker was run on this release. It must not leave a demonstration.'
      : `Risk gate: ${gate}. Its report is risk.json.`,
  personal: (charter: Charter): string =>
    `No names, texts, times, devices or pseudonyms. Actions of people remain personal data as long as somebody could recognise a way of working. Apps, labels and tasks were used by at least ${charter.release.k} distinct people.`,
} as const
