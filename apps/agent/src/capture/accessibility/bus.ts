/** The accessibility bus (AT-SPI 2 over D-Bus): calls with a limit, reports of the focus, and a word when it goes away. */

import type { Message, MessageBus } from 'dbus-native'
import dbus from 'dbus-native'
import { Deadlines } from '../deadlines.ts'

/** Whoever takes longer doesn't answer. */
const CALL_MS_MAX = 1_000
const FOCUS_EVENT = 'object:state-changed:focused'
const EVENT_INTERFACE = 'org.a11y.atspi.Event.Object'
const REGISTRY = 'org.a11y.atspi.Registry'
const REGISTRY_PATH = '/org/a11y/atspi/registry'
const DESKTOP_PATH = '/org/a11y/atspi/accessible/root'
const SIGNAL = 4

/** An element: whose it is, by the unique name on the bus, and its object path. */
export interface Accessible {
  readonly owner: string
  readonly path: string
}

export interface FocusReport {
  readonly element: Accessible
  readonly hasFocus: boolean
}

export class AccessibilityBus {
  readonly #bus: MessageBus
  readonly #whenLost: (() => void)[] = []
  readonly #pids = new Map<string, number>()
  readonly #deadlines = new Deadlines(CALL_MS_MAX)
  #isOpen = true

  private constructor(bus: MessageBus) {
    this.#bus = bus
    // The connection's errors end in its close.
    bus.connection.on('error', () => undefined)
    const end = () => {
      if (!this.#isOpen) return
      this.#isOpen = false
      for (const listener of this.#whenLost) listener()
    }
    bus.connection.on('close', end)
    bus.connection.on('end', end)
  }

  /** @throws if there is no session bus, or no accessibility on it */
  static async open(): Promise<AccessibilityBus> {
    const session = dbus.sessionBus({ timeout: CALL_MS_MAX * 5 })
    session.connection.on('error', () => undefined)
    let address: string
    try {
      address = await session.invoke<string>({
        destination: 'org.a11y.Bus',
        path: '/org/a11y/bus',
        interface: 'org.a11y.Bus',
        member: 'GetAddress',
      })
      // Toolkits other than GTK look at this before they say anything. It is what every assistive technology sets.
      await session.invoke({
        destination: 'org.a11y.Bus',
        path: '/org/a11y/bus',
        interface: 'org.freedesktop.DBus.Properties',
        member: 'Set',
        signature: 'ssv',
        body: ['org.a11y.Status', 'IsEnabled', ['b', true]],
      })
    } finally {
      await session.close()
    }
    const bus = dbus.createClient({ busAddress: address, timeout: CALL_MS_MAX })
    return new AccessibilityBus(bus)
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  onLost(listener: () => void): void {
    this.#whenLost.push(listener)
  }

  /** Reports of every program, in the order in which each made them. Resolves when the programs have been told. */
  async listen(listener: (report: FocusReport) => void, onRegistryGone: () => void): Promise<void> {
    this.#bus.connection.on('message', (message: Message) => {
      if (message.type !== SIGNAL) return
      if (message.interface === EVENT_INTERFACE) {
        const { sender, path, member, body } = message
        if (member !== 'StateChanged' || body?.[0] !== 'focused' || sender === undefined || path === undefined) return
        listener({ element: { owner: sender, path }, hasFocus: body[1] === 1 })
      } else if (message.member === 'NameOwnerChanged' && message.body?.[0] === REGISTRY && message.body[2] === '') {
        onRegistryGone()
      }
    })
    await this.#bus.addMatch(`type='signal',interface='${EVENT_INTERFACE}',member='StateChanged',arg0='focused'`)
    await this.#bus.addMatch(`type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='${REGISTRY}'`)
    await this.call({ owner: REGISTRY, path: REGISTRY_PATH }, 'Registry', 'RegisterEvent', 's', [FOCUS_EVENT])
  }

  /** Calls a method of `org.a11y.atspi.<face>`; rejects after `CALL_MS_MAX`. */
  call<T>(on: Accessible, face: string, member: string, signature?: string, body?: readonly unknown[]): Promise<T> {
    return this.#invoke<T>({
      destination: on.owner,
      path: on.path,
      interface: `org.a11y.atspi.${face}`,
      member,
      ...(signature === undefined ? {} : { signature, body: [...(body ?? [])] }),
    })
  }

  name(of: Accessible): Promise<string> {
    return this.#invoke<string>({
      destination: of.owner,
      path: of.path,
      interface: 'org.freedesktop.DBus.Properties',
      member: 'Get',
      signature: 'ss',
      body: ['org.a11y.atspi.Accessible', 'Name'],
    })
  }

  /** The programs that are on the bus. */
  programs(): Promise<readonly Accessible[]> {
    return this.children({ owner: REGISTRY, path: DESKTOP_PATH })
  }

  async children(of: Accessible): Promise<readonly Accessible[]> {
    const children = await this.call<readonly [string, string][]>(of, 'Accessible', 'GetChildren')
    return children.map(([owner, path]) => ({ owner, path }))
  }

  knownPid(owner: string): number | undefined {
    return this.#pids.get(owner)
  }

  /** Process of a unique name, which the bus never gives twice. */
  async pid(owner: string): Promise<number> {
    const known = this.#pids.get(owner)
    if (known !== undefined) return known
    const pid = await this.#invoke<number>({
      destination: 'org.freedesktop.DBus',
      path: '/org/freedesktop/DBus',
      interface: 'org.freedesktop.DBus',
      member: 'GetConnectionUnixProcessID',
      signature: 's',
      body: [owner],
    })
    this.#pids.set(owner, pid)
    return pid
  }

  /** With a callback and a shared limit: the package's promises and timers cost more than the call. */
  #invoke<T>(message: Message): Promise<T> {
    return new Promise((resolve, reject) => {
      const inTime = this.#deadlines.add(() => reject(new Error('no answer on the accessibility bus')))
      this.#bus.invoke(message, { timeout: 0 }, (error, ...values) => {
        inTime()
        if (error) reject(error)
        else resolve((values.length > 1 ? values : values[0]) as T)
      })
    })
  }

  async close(): Promise<void> {
    this.#whenLost.length = 0
    this.#isOpen = false
    await this.#bus.close()
  }
}
