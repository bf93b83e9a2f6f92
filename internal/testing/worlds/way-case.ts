/** The way to a far replica is cut, frozen, slow, or its far end stands still, in the middle of a run; beside it a local replica that must not suffer. */
import { mkdirSync } from "node:fs";
import { SshServer } from "../ssh-server.ts";
import { TcpProxy, type Weather } from "../tcp-proxy.ts";
import { lawsBroken } from "./look.ts";
import { countBelow, disturbInTheMiddle } from "./middle.ts";
import { notHealed, SmallWorld } from "./small-world.ts";
import type { WorldCase, WorldResult } from "./world-result.ts";

export const WAYS = ["cut", "frozen", "slow", "standing"] as const;
type Way = (typeof WAYS)[number];

export const WAY_WORDS: Readonly<Record<Way, string>> = {
  cut: "ssh cut",
  frozen: "ssh frozen",
  slow: "ssh slow",
  standing: "ssh server stopped (SIGSTOP)",
};

/** What is said of the far replica when the run ends; any of these. */
const REASONS: Readonly<Record<Way, readonly string[]>> = {
  cut: ["ConnectionLost", "HostUnreachable"],
  frozen: ["NoProgress", "HostUnreachable"],
  slow: ["Converged"],
  standing: ["NoProgress", "HostUnreachable"],
};

function weatherOf(way: Way, passed: number): Weather {
  if (way === "cut") return { cutAfterBytes: passed };
  if (way === "frozen") return { freezeAfterBytes: passed };
  return way === "slow" ? { delayMilliseconds: 40, windowBytes: 64 << 10 } : {};
}

async function runWay(way: Way, after: number): Promise<WorldResult> {
  using world = new SmallWorld({ replicas: ["second"] });
  const server = await SshServer.start(world.path("sshd"));
  const proxy = await TcpProxy.start(server.port);
  try {
    mkdirSync(world.path("far"));
    const far = `ssh://127.0.0.1/${world.path("far")}/`;
    const keys = { ssh_options: [`Port=${proxy.port}`, ...server.options()] };
    const usual = { replicas: ["second", far], replicaKeys: { [far]: keys } };
    world.declare(usual);
    const places = { [world.path("second")]: world.path("second"), [world.path("far")]: world.path("far") };
    world.before();
    const first = await world.sync();
    if (first.code !== 0) throw new Error(`the world of ways cannot be made: ${first.stdout}${first.stderr}`);
    world.look(places);
    world.after();
    world.declare({ ...usual, replicaKeys: { [far]: { ...keys, bandwidth: "2 MB", timeout: way === "slow" ? "20s" : "6s" } } });
    const there = countBelow(world.path("far"));
    const stopped: number[] = [];
    const { disturbed, outcome } = await disturbInTheMiddle(
      world.start("sync"),
      () => countBelow(world.path("far")) >= there + after,
      async () => {
        proxy.weather = weatherOf(way, proxy.passed);
        if (way === "standing") stopped.push(...server.servers());
        for (const pid of stopped) process.kill(pid, "SIGSTOP");
        return undefined;
      },
    );
    const looked = world.look(places);
    const failures = lawsBroken(looked);
    const reason = world.readyReason(far);
    if (disturbed && !REASONS[way].includes(reason)) failures.push(`the reason is ${reason}`);
    if (disturbed && outcome.code !== (way === "slow" ? 0 : 3))
      failures.push(`it ends with ${outcome.code}: ${outcome.stderr.slice(0, 300)}`);
    if (world.readyReason("second") !== "Converged") failures.push(`the local replica is ${world.readyReason("second")}`);
    proxy.weather = {};
    if (stopped.length > 0) server.cut();
    failures.push(...(await notHealed(world, places, looked, usual)));
    const { torn, lost, falseCurrent } = looked;
    return {
      name: `way:${way}:${after}`,
      disturbed,
      torn: torn.length,
      lost: lost.length,
      falseCurrent: falseCurrent.length,
      failures,
    };
  } finally {
    proxy.stop();
    server.stop();
  }
}

export const wayCase = (way: Way, after: number): WorldCase => ({ name: `way:${way}:${after}`, run: () => runWay(way, after) });
