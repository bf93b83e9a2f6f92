/** Tells whoever watches how far something has come, now and then. */
import type { Agent } from "./agent.ts";
import type { Progress } from "./reports.ts";

const EVERY_MILLISECONDS = 200;

/** To be called whenever there may be something to tell. `progress`: is asked when it is time. */
export function tellProgress(
  agent: Agent,
  subject: string,
  progress: () => Omit<Progress, "subject" | "elapsedMilliseconds">,
): () => void {
  const begun = agent.elapsed();
  let toldAt = 0;
  return () => {
    const elapsedMilliseconds = agent.elapsed() - begun;
    if (elapsedMilliseconds - toldAt < EVERY_MILLISECONDS) return;
    toldAt = elapsedMilliseconds;
    agent.options.onProgress?.({ ...progress(), subject, elapsedMilliseconds });
  };
}
