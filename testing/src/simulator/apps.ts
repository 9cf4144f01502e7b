/** The fictional office in which simulated people work: its apps, as a charter would list them. */
import type { AppId, FieldKind, Role } from '@fairtrace/core'

export interface AppPlan {
  readonly id: AppId
  readonly title: string
  /** Buttons along the top, links down the left, the search box at the top right. */
  readonly toolbar: readonly string[]
  readonly sidebar: readonly string[]
  readonly search: string
  /** A form on the right, and the button that ends it. */
  readonly fields: readonly { readonly label: string; readonly field: FieldKind }[]
  readonly confirm: string
  /** What fills the middle. Its labels are people's content and in no catalogue: a shield has to drop them. */
  readonly content: { readonly role: Role; readonly columns: number } | 'document'
}

/** Entries of the menu that a right click opens, in every app. */
export const CONTEXT_MENU = ['Cut', 'Copy', 'Paste'] as const

const text = (...labels: readonly string[]) => labels.map((label) => ({ label, field: 'text' as const }))
const password = { label: 'Password', field: 'secure' } as const

export const MAIL: AppPlan = {
  id: 'desktop:mail',
  title: 'Mail',
  toolbar: ['New message', 'Reply', 'Forward', 'Archive', 'Delete', 'Move'],
  sidebar: ['Inbox', 'Drafts', 'Sent', 'Invoices', 'Team'],
  search: 'Search mail',
  fields: text('To', 'Subject', 'Message'),
  confirm: 'Send',
  content: { role: 'row', columns: 1 },
}

export const CALENDAR: AppPlan = {
  id: 'desktop:calendar',
  title: 'Calendar',
  toolbar: ['Today', 'Previous', 'Next', 'Day', 'Week', 'Month', 'New event'],
  sidebar: ['My calendar', 'Team calendar', 'Rooms'],
  search: 'Find an event',
  fields: text('Title', 'Date', 'Room', 'Guests'),
  confirm: 'Save event',
  content: { role: 'cell', columns: 5 },
}

export const SHEET: AppPlan = {
  id: 'desktop:sheet',
  title: 'Sheet',
  toolbar: ['Save', 'Undo', 'Redo', 'Sum', 'Sort', 'Filter', 'Chart'],
  sidebar: ['Invoices 1', 'Invoices 2', 'Summary'],
  search: 'Find in sheet',
  fields: [{ label: 'Formula', field: 'code' }, ...text('Cell', 'Note')],
  confirm: 'Apply',
  content: { role: 'cell', columns: 6 },
}

export const DOCS: AppPlan = {
  id: 'desktop:docs',
  title: 'Documents',
  toolbar: ['Save', 'Undo', 'Bold', 'Italic', 'Heading', 'List', 'Comment', 'Share'],
  sidebar: ['Outline', 'Pages', 'Minutes', 'Templates'],
  search: 'Find in document',
  fields: text('Title', 'Share with'),
  confirm: 'Share now',
  content: 'document',
}

export const CRM: AppPlan = {
  id: 'desktop:crm',
  title: 'Contacts',
  toolbar: ['New contact', 'Edit', 'Merge', 'Assign', 'Log call'],
  sidebar: ['Contacts', 'Companies', 'Deals', 'Reports'],
  search: 'Search contacts',
  fields: [...text('Name', 'E-mail', 'Phone', 'Notes'), password],
  confirm: 'Save contact',
  content: { role: 'row', columns: 1 },
}

export const INTRANET: AppPlan = {
  id: 'web:https://intranet.example',
  title: 'Intranet',
  toolbar: ['Home', 'News', 'Expenses', 'Leave', 'Directory'],
  sidebar: ['My requests', 'Approvals', 'Help'],
  search: 'Search intranet',
  fields: [...text('Amount', 'Date', 'Receipt link', 'Reason'), password],
  confirm: 'Submit',
  content: { role: 'link', columns: 2 },
}

const MESSENGER: AppPlan = {
  id: 'desktop:messenger',
  title: 'Messenger',
  toolbar: ['New chat', 'Call'],
  sidebar: ['Family', 'Friends'],
  search: 'Search chats',
  fields: text('Message'),
  confirm: 'Send',
  content: { role: 'row', columns: 1 },
}

const BANK: AppPlan = {
  id: 'web:https://bank.example',
  title: 'Bank',
  toolbar: ['Accounts', 'Transfers'],
  sidebar: ['Savings', 'Cards'],
  search: 'Search payments',
  fields: [...text('Amount', 'Message'), password],
  confirm: 'Pay',
  content: { role: 'row', columns: 1 },
}

export const LISTED_PLANS = [MAIL, CALENDAR, SHEET, DOCS, CRM, INTRANET] as const
/** Private life at the desk: no charter lists these, and nothing about them may leave. */
export const UNLISTED_PLANS = [MESSENGER, BANK] as const

export interface SimulatedApp {
  readonly id: AppId
  readonly title: string
  readonly labels: readonly string[]
}

/** The apps as a charter lists them, with the catalogue of an empty account. */
export const SIMULATED_APPS: readonly SimulatedApp[] = LISTED_PLANS.map((plan) => ({
  id: plan.id,
  title: plan.title,
  labels: catalogueOf(plan),
}))

function catalogueOf(plan: AppPlan): readonly string[] {
  const fields = plan.fields.map((field) => field.label)
  return [...new Set([...plan.toolbar, ...plan.sidebar, plan.search, ...fields, plan.confirm, ...CONTEXT_MENU])]
}
