/** Notifications of the desktop (org.freedesktop.Notifications): for problems, which must not go unseen. */
import process from 'node:process'
import dbus from 'dbus-native'

const SHOWN_MS = 10_000

/** Never throws and never waits: the indicator says the same, and a desktop need not have notifications. */
export function notify(summary: string, body: string): void {
  if (!process.env.DBUS_SESSION_BUS_ADDRESS) return
  const bus = dbus.sessionBus()
  const end = () => bus.connection.end()
  bus.connection.on('error', () => undefined)
  bus.invoke(
    {
      destination: 'org.freedesktop.Notifications',
      path: '/org/freedesktop/Notifications',
      interface: 'org.freedesktop.Notifications',
      member: 'Notify',
      signature: 'susssasa{sv}i',
      body: ['Fairtrace', 0, '', summary, body, [], [], SHOWN_MS],
    },
    end,
  )
}
