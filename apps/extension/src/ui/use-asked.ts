import { useCallback, useEffect, useState } from 'preact/hooks'
import { messageOf } from './ask.ts'

/** Asks at once, and again on `again`. `null` until there is an answer. */
export function useAsked<T>(asking: () => Promise<T>, everyMs?: number) {
  const [value, setValue] = useState<T | null>(null)
  const [fault, setFault] = useState<string | null>(null)
  const again = useCallback(async () => {
    try {
      setValue(await asking())
      setFault(null)
    } catch (cause) {
      setFault(messageOf(cause))
    }
  }, [])
  useEffect(() => {
    void again()
    if (everyMs === undefined) return
    const timer = setInterval(() => void again(), everyMs)
    return () => clearInterval(timer)
  }, [])
  return { value, fault, again }
}

/** Does one thing at a time, and says what went wrong. */
export function useDoing() {
  const [isDoing, setDoing] = useState(false)
  const [fault, setFault] = useState<string | null>(null)
  const act = useCallback(async (work: () => Promise<void>) => {
    setDoing(true)
    setFault(null)
    try {
      await work()
    } catch (cause) {
      setFault(messageOf(cause))
    } finally {
      setDoing(false)
    }
  }, [])
  return { isDoing, fault, act }
}
