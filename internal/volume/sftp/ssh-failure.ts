/** Why ssh could not lead to sftp: read from what it said, which is all that it tells (its exit code is 255 for everything of its own). */
import type { TransportReason } from "../volume-error.ts";

const SIGNS: readonly (readonly [RegExp, TransportReason])[] = [
  [/REMOTE HOST IDENTIFICATION HAS CHANGED|host key .*(has changed|differs)|POSSIBLE DNS SPOOFING/i, "host-key-changed"],
  [/host key verification failed|no .*host key is known|host key .*not.* known|matching host key/i, "host-key-unknown"],
  [/permission denied|too many authentication failures|no supported authentication|authentication failed/i, "login-refused"],
  [/subsystem request failed|subsystem .*not found|exec request failed/i, "sftp-missing"],
];

/** `stage`: what had been reached when ssh ended. */
export function sshFailure(said: string, stage: "connecting" | "connected"): TransportReason {
  if (stage === "connected") return "connection-lost";
  return SIGNS.find(([sign]) => sign.test(said))?.[1] ?? "host-unreachable";
}

/** An sshd with too many logins at a time (MaxStartups) closes the next ones before a word is said: a moment later there is room. */
export const isDroppedLogin = (words: string): boolean => /(kex|ssh)_exchange_identification/.test(words);
