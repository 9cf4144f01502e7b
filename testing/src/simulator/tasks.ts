/** What simulated people do: the steps of a task, and the small things of an ordinary day in each app. */
import type { AppId } from '@fairtrace/core'
import { CALENDAR, CRM, DOCS, INTRANET, MAIL, SHEET } from './apps.ts'
import type { SampleText } from './texts.ts'

/** Commands that a person gives by shortcut, by button or by a right click's menu, each in own habit. */
export type CommandName = 'copy' | 'cut' | 'paste' | 'save' | 'undo' | 'select-all' | 'find'

/** One step, whoever does it; how it is done is the person's habit. `on` is a label, or `content` for a row, cell or document. */
export type Step =
  | { readonly do: 'open'; readonly app: AppId }
  | { readonly do: 'click'; readonly on: string; readonly times?: 2 | 3 }
  | { readonly do: 'fill'; readonly on: string; readonly text: SampleText }
  | { readonly do: 'command'; readonly name: CommandName }
  | { readonly do: 'confirm'; readonly on: string }
  | { readonly do: 'find'; readonly on: string }
  | { readonly do: 'scroll'; readonly direction: 'up' | 'down' }
  | { readonly do: 'select' }
  | { readonly do: 'move-content'; readonly to: string }
  | { readonly do: 'read' }
  | { readonly do: 'sign-in' }
  /** A look at something private, then back. */
  | { readonly do: 'stray' }

const open = (app: AppId): Step => ({ do: 'open', app })
const click = (on: string, times?: 2 | 3): Step =>
  times === undefined ? { do: 'click', on } : { do: 'click', on, times }
const fill = (on: string, text: SampleText): Step => ({ do: 'fill', on, text })
const command = (name: CommandName): Step => ({ do: 'command', name })
const confirm = (on: string): Step => ({ do: 'confirm', on })
const find = (on: string): Step => ({ do: 'find', on })
const moveContent = (to: string): Step => ({ do: 'move-content', to })
const read: Step = { do: 'read' }
const select: Step = { do: 'select' }
const signIn: Step = { do: 'sign-in' }
const scrollDown: Step = { do: 'scroll', direction: 'down' }
const scrollUp: Step = { do: 'scroll', direction: 'up' }

interface PlannedTask {
  readonly id: string
  readonly instruction: string
  readonly steps: readonly Step[]
}

export const PLANNED_TASKS: readonly PlannedTask[] = [
  {
    id: 'file-invoice',
    instruction: 'File the invoice from the inbox in the sheet.',
    steps: [
      ...[
        open(MAIL.id),
        click('Invoices'),
        scrollDown,
        click('content', 2),
        read,
        click('content', 3),
        command('copy'),
      ],
      ...[open(SHEET.id), click('Invoices 1'), click('content'), command('paste'), fill('Cell', 'date')],
      ...[fill('Formula', 'number'), confirm('Apply'), command('save')],
      ...[open(MAIL.id), moveContent('Invoices'), click('Archive')],
    ],
  },
  {
    id: 'plan-meeting',
    instruction: 'Plan a meeting with the team and invite the people concerned.',
    steps: [
      ...[open(CALENDAR.id), click('Team calendar'), click('Week'), click('Next'), read, click('New event')],
      ...[fill('Title', 'word'), fill('Date', 'date'), fill('Room', 'word'), fill('Guests', 'email')],
      ...[confirm('Save event'), open(MAIL.id), click('New message'), fill('To', 'email'), fill('Subject', 'word')],
      ...[fill('Message', 'sentence'), confirm('Send')],
    ],
  },
  {
    id: 'log-call',
    instruction: 'Log a call with a customer and correct their telephone number.',
    steps: [
      ...[open(CRM.id), signIn, find('Search contacts'), click('content', 2), read, click('Edit')],
      ...[fill('Phone', 'phone'), fill('Notes', 'sentence'), confirm('Save contact'), click('Log call'), scrollDown],
    ],
  },
  {
    id: 'write-minutes',
    instruction: 'Write the minutes of the meeting and share them with the team.',
    steps: [
      ...[open(DOCS.id), click('Templates'), click('Minutes'), fill('Title', 'word'), click('Heading')],
      ...[fill('content', 'sentence'), click('List'), fill('content', 'paragraph'), select, click('Bold')],
      ...[command('save'), scrollUp, read, click('Share'), fill('Share with', 'email'), confirm('Share now')],
    ],
  },
  {
    id: 'claim-expense',
    instruction: 'Claim the expense of a journey on the intranet.',
    steps: [
      ...[open(INTRANET.id), signIn, click('Expenses'), click('My requests'), scrollDown, click('content')],
      ...[fill('Amount', 'number'), fill('Date', 'date'), fill('Receipt link', 'url'), fill('Reason', 'sentence')],
      ...[confirm('Submit'), read],
    ],
  },
]

export interface SimulatedTask {
  readonly id: string
  readonly instruction: string
}

/** The tasks as a charter lists them. */
export const SIMULATED_TASKS: readonly SimulatedTask[] = PLANNED_TASKS.map(({ id, instruction }) => ({
  id,
  instruction,
}))

type Moment = readonly Step[]

/** What people do in an app when no task is shown, by app id. */
export const MOMENTS: ReadonlyMap<AppId, readonly [Moment, ...Moment[]]> = new Map([
  [
    MAIL.id,
    [
      [click('Inbox'), click('content', 2), read, scrollDown],
      [click('Reply'), fill('Message', 'sentence'), confirm('Send')],
      [find('Search mail'), click('content'), click('Archive')],
      [moveContent('Team'), click('Delete')],
    ],
  ],
  [
    CALENDAR.id,
    [
      [click('Today'), click('Next'), click('Previous')],
      [click('Month'), read, click('content')],
      [click('New event'), fill('Title', 'word'), fill('Date', 'date'), confirm('Save event')],
    ],
  ],
  [
    SHEET.id,
    [
      [click('content'), fill('Formula', 'code'), confirm('Apply'), command('save')],
      [click('content'), command('copy'), click('content'), command('paste'), command('undo')],
      [scrollDown, read, scrollUp, click('Sort')],
      [fill('Cell', 'number'), fill('Cell', 'number'), click('Sum')],
    ],
  ],
  [
    DOCS.id,
    [
      [fill('content', 'paragraph'), command('save')],
      [select, command('cut'), fill('content', 'sentence'), command('undo')],
      [scrollDown, read, click('Comment'), command('find')],
    ],
  ],
  [
    CRM.id,
    [
      [find('Search contacts'), click('content', 2), read],
      [signIn, click('Deals'), scrollDown],
      [click('New contact'), fill('Name', 'word'), fill('E-mail', 'email'), confirm('Save contact')],
    ],
  ],
  [
    INTRANET.id,
    [
      [click('News'), click('content'), read, scrollDown],
      [signIn, click('Leave'), fill('Date', 'date'), confirm('Submit')],
      [find('Search intranet'), click('Directory'), command('select-all'), command('copy')],
    ],
  ],
])
