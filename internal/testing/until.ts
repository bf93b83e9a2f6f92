/** Waiting for something that another process does, without a long sleep. */
const EVERY_MILLISECONDS = 5;

/** Calls `look` until it gives something other than undefined or false; fails after the deadline, saying what was waited for. */
export async function until<Found>(
  what: string,
  look: () => Found | undefined | false | Promise<Found | undefined | false>,
  deadlineMilliseconds = 20_000,
): Promise<Found> {
  const end = performance.now() + deadlineMilliseconds;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end) throw new Error(`waited ${deadlineMilliseconds} ms in vain: ${what}`);
    await Bun.sleep(EVERY_MILLISECONDS);
  }
}
