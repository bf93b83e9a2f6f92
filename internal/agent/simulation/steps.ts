/** What can happen in a simulated night: a list of steps, as plain data, so that one that goes wrong can be made shorter and run again. */
import fc from "fast-check";

export type Step =
  | { readonly kind: "create"; readonly directory: number; readonly bytes: number }
  | { readonly kind: "begin"; readonly bytes: number }
  | { readonly kind: "append" | "finish"; readonly file: number; readonly bytes: number }
  | { readonly kind: "rewrite"; readonly file: number; readonly bytes: number }
  | { readonly kind: "remove" | "rename" | "foreign"; readonly file: number }
  | { readonly kind: "hide" | "show" | "pull" | "swap" | "return" | "fill" | "free" | "away" | "back" | "bad-edit" | "restart" }
  | { readonly kind: "edit"; readonly variant: number }
  | { readonly kind: "jump" | "reboot"; readonly seconds: number }
  | { readonly kind: "kill"; readonly files: number }
  | { readonly kind: "wait"; readonly seconds: number };

const number = fc.nat({ max: 30 });
const bytes = fc.constantFrom(0, 1, 700, 5_000, 40_000);

/** Five years, an hour and a minute, both ways. */
const JUMPS = [5 * 365 * 86_400, 3_600, 60].flatMap((seconds) => [seconds, -seconds]);

const trouble: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("hide", "pull", "swap", "fill", "away", "bad-edit", "restart" as const),
  }),
  fc.record({ kind: fc.constantFrom("jump", "reboot" as const), seconds: fc.constantFrom(...JUMPS) }),
  fc.record({ kind: fc.constant("kill" as const), files: fc.nat({ max: 4 }) }),
  fc.record({ kind: fc.constant("foreign" as const), file: number }),
);

const relief: fc.Arbitrary<Step> = fc.record({ kind: fc.constantFrom("show", "return", "free", "back" as const) });

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("create" as const), directory: number, bytes }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("begin" as const), bytes }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constantFrom("append", "finish" as const), file: number, bytes }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("rewrite" as const), file: number, bytes }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("remove", "rename" as const), file: number }) },
  { weight: 4, arbitrary: trouble },
  { weight: 4, arbitrary: relief },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("edit" as const), variant: number }) },
  { weight: 9, arbitrary: fc.record({ kind: fc.constant("wait" as const), seconds: fc.constantFrom(1, 11, 90, 700, 4_000) }) },
);

/** At most about a day: most of its steps take no time, and a wait takes a quarter of an hour on average. */
export const night = (steps: number): fc.Arbitrary<Step[]> => fc.array(step, { minLength: 1, maxLength: steps, size: "max" });
