import { describe, expect, it } from 'vitest'
import { launchAgent, scheduledTask } from './other-systems.ts'
import { systemdUnit } from './systemd-unit.ts'

const options = {
  node: '/opt/node 24/bin/node',
  flags: ['--disable-sigusr1'],
  entry: '/opt/fairtrace/main.js',
  device: '/home/anna/50% & "more" $HOME',
  session: '/run/user/1000/fairtrace-agent',
}

describe('the systemd unit', () => {
  const unit = systemdUnit(options)

  it('writes paths so that systemd reads them as they are', () => {
    expect(unit).toContain(
      'ExecStart="/opt/node 24/bin/node" "--disable-sigusr1" "/opt/fairtrace/main.js" "daemon" "--device" "/home/anna/50%% & \\"more\\" $$HOME"',
    )
  })

  it.each([
    'LimitCORE=1',
    'MemorySwapMax=0',
    'NoNewPrivileges=yes',
    'ProtectSystem=strict',
    'ProtectHome=read-only',
    'UMask=0077',
  ])('has %s', (line) => {
    expect(unit.split('\n')).toContain(line)
  })
})

describe('the service of other systems', () => {
  it('writes paths as XML', () => {
    expect(launchAgent(options)).toContain('<string>/home/anna/50% &amp; "more" $HOME</string>')
    expect(scheduledTask(options)).toContain('<Command>/opt/node 24/bin/node</Command>')
  })
})
