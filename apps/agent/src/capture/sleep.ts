/** When the machine goes to sleep and wakes, as logind says on the system bus. Where there is none, nobody says. */
import dbus from 'dbus-native'

const LOGIND = 'org.freedesktop.login1'
const MANAGER = `${LOGIND}.Manager`

/** @returns how to stop watching */
export async function watchSleep(listener: (isAsleep: boolean) => void): Promise<() => Promise<void>> {
  const bus = dbus.systemBus()
  // A machine without a system bus: the device service sees a suspension by its clocks.
  bus.connection.on('error', () => undefined)
  bus.connection.on('message', (message) => {
    if (message.interface === MANAGER && message.member === 'PrepareForSleep') listener(message.body?.[0] === true)
  })
  try {
    await bus.addMatch(`type='signal',interface='${MANAGER}',member='PrepareForSleep'`)
  } catch {
    // As above.
  }
  return () => bus.close()
}
