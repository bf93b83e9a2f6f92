/** `status --watch`: looks again every second, until it is ended; draws on the terminal, or prints a line of JSON, whenever something is new. */
import { setTimeout as pause } from "node:timers/promises";
import type { Result } from "neverthrow";
import type { AgentError, EventDocument, StatusDocument } from "../../internal/agent/mod.ts";
import { type DesiredState, loadConfiguration } from "../../internal/config/mod.ts";
import {
  type Context,
  configurationFile,
  failWithAgentError,
  type GlobalOptions,
  printError,
  printJson,
  withState,
} from "./context.ts";
import { EXIT } from "./exit-code.ts";
import { sizeOf, withScreen } from "./output/screen.ts";
import { shown } from "./output/shown.ts";
import { fitted, newsOf, type Reading, remember, watchText } from "./output/watch-text.ts";
import { VERSION } from "./version-text.ts";

const EVERY_MILLISECONDS = 1_000;
const EVENTS = 8;

type Look = () => Promise<Result<{ readonly status: StatusDocument; readonly events: readonly EventDocument[] }, AgentError>>;

export function watchStatus(context: Context, options: GlobalOptions): Promise<number> {
  const dumb = context.environment.variables.TERM === "dumb";
  if (!options.json && (!process.stdout.isTTY || dumb)) {
    printError(
      'status --watch draws on a terminal, and there is none\nhelp: "xtelemdb status --watch --json" prints a line whenever something is new; "xtelemdb status" prints it once',
    );
    return Promise.resolve(EXIT.usage);
  }
  return withState(context, options, async (state) => {
    const look = await makeLook(context, options, state);
    const first = await look();
    if (first.isErr()) return failWithAgentError(first.error);
    await (options.json ? printNews(look, context.signal) : drawNews(look, context.signal));
    return EXIT.converged;
  });
}

/** Looks with the configuration as it is now; while that is wrong, with the last good one. */
async function makeLook(context: Context, options: GlobalOptions, first: DesiredState): Promise<Look> {
  const { listEvents, readStatus } = await import("../../internal/agent/mod.ts");
  let state = first;
  return async () => {
    state = (await loadConfiguration(configurationFile(context, options), context.environment)).unwrapOr(state);
    const status = await readStatus(state, { version: VERSION, now: Date.now });
    return status.andThen((document) => listEvents(state, { limit: EVENTS }).map((events) => ({ status: document, events })));
  };
}

/** Until the signal. One look that fails does not end it: the inventory may be made anew at that moment. */
async function everySecond(signal: AbortSignal, action: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await action();
    // Aborted is all that it can be.
    await pause(EVERY_MILLISECONDS, undefined, { signal }).catch(() => undefined);
  }
}

async function printNews(look: Look, signal: AbortSignal): Promise<void> {
  let told = "";
  await everySecond(signal, async () => {
    const found = await look();
    if (found.isErr()) return;
    const news = newsOf(found.value.status);
    if (news !== told) printJson(found.value.status, 0);
    told = news;
  });
}

async function drawNews(look: Look, signal: AbortSignal): Promise<void> {
  const { agentErrorMessage } = await import("../../internal/agent/mod.ts");
  let readings: readonly Reading[] = [];
  let trouble: string | undefined;
  let show = (): void => undefined;
  await withScreen(
    process.stdout,
    () => show(),
    (draw) => {
      show = () =>
        draw(
          fitted(
            watchText(readings, trouble).map((line) => shown(line)),
            sizeOf(process.stdout),
            "Ctrl-C ends this view",
          ),
        );
      return everySecond(signal, async () => {
        const found = await look();
        trouble = found.isErr() ? agentErrorMessage(found.error) : undefined;
        if (found.isOk()) readings = remember(readings, { ...found.value, at: performance.now() });
        show();
      });
    },
  );
}
