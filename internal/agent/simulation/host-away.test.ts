/** An origin host that cannot be reached, for hours: it costs next to nothing, holds up nobody, and is used at once when it is back. In simulated time. */
import { expect } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Scratch, SFTP_SERVER, wholeTest } from "../../testing/mod.ts";
import { closeIdleConnections } from "../../volume/mod.ts";
import { explain } from "../explain.ts";
import { SimulatedAgent } from "./simulated-agent.ts";
import { SimulatedClock } from "./simulated-clock.ts";

const EVENING = Date.parse("2026-11-01T22:00:00Z");
const MINUTE = 60_000;
const FILES = 20;

/** This host with a data directory, another one behind a stand-in for ssh that counts the logins, and two disks. */
class Site {
  readonly clock = new SimulatedClock(EVENING);
  readonly agent: SimulatedAgent;

  constructor(readonly folder: string) {
    for (const name of ["own", "remote", "disk", "other"]) mkdirSync(this.path(name));
    const configuration = this.path("xtelemdb.toml");
    const lines = [
      'hostname = "exao1"',
      `database = ${JSON.stringify(this.path("inventory.db"))}`,
      `status_file = ${JSON.stringify(this.path("status.json"))}`,
      "[scan]",
      "watch = false",
      'interval = "10m"',
      'settle = "1s"',
      "[hosts.exao1]",
      `data_dirs = [${JSON.stringify(this.path("own"))}]`,
      "[hosts.icc]",
      'address = "ssh://icc"',
      `data_dirs = [${JSON.stringify(this.path("remote"))}]`,
      ...["disk", "other"].map((name) => `[replicas.${JSON.stringify(this.path(name))}]`),
    ];
    writeFileSync(configuration, `${lines.join("\n")}\n`);
    const away = `[ -e ${this.path("away")} ] && { echo "ssh: connect to host icc port 22: No route to host" >&2; exit 255; }`;
    writeFileSync(this.path("ssh"), `#!/bin/sh\necho >>${this.path("logins")}\n${away}\nexec ${SFTP_SERVER}\n`, { mode: 0o755 });
    writeFileSync(this.path("logins"), "");
    process.env.XTELEMDB_SSH = this.path("ssh");
    this.agent = new SimulatedAgent(configuration, "exao1", this.clock, () => 0.5);
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  get logins(): number {
    return readFileSync(this.path("logins")).length;
  }

  /** A file that has been quiet since long ago. */
  write(name: string): void {
    writeFileSync(this.path(name), name);
    utimesSync(this.path(name), EVENING / 1000 - 3_600, EVENING / 1000 - 3_600);
  }

  copiesAt(replica: string, host: string, dataDirectory: string): number {
    const folder = `${this.path(replica)}/${host}${this.path(dataDirectory)}`;
    return existsSync(folder) ? readdirSync(folder).length : 0;
  }

  async pass(milliseconds: number): Promise<void> {
    for (let left = milliseconds; left > 0; left -= MINUTE) {
      // A refusal is remembered for a moment of real time, which is much longer here.
      closeIdleConnections();
      await this.agent.pass(Math.min(MINUTE, left));
    }
  }

  async reasonsOf(name: string): Promise<readonly string[]> {
    const { state } = this.agent;
    if (state === undefined) return [];
    const explained = (await explain(state, this.path(name)))._unsafeUnwrap();
    return explained.files.flatMap(({ replicas }) => replicas.map(({ pending, message }) => (pending ? message : "")));
  }

  failedFiles(): number {
    return this.agent.status()?.replicas.reduce((sum, { failed }) => sum + failed.files, 0) ?? 0;
  }

  async close(): Promise<void> {
    if (this.agent.isRunning) await this.agent.kill();
    closeIdleConnections();
    delete process.env.XTELEMDB_SSH;
  }
}

async function withSite(action: (site: Site) => Promise<void>): Promise<void> {
  using scratch = new Scratch();
  const site = new Site(scratch.folder);
  try {
    await action(site);
  } finally {
    await site.close();
  }
}

wholeTest("an origin host that is away is left alone longer and longer, and is used at once when it is back", [], () =>
  withSite(async (site) => {
    const { agent } = site;
    // Its files are known, and no disk is there yet.
    for (const name of ["disk", "other"]) renameSync(site.path(name), site.path(`${name}.away`));
    for (let index = 0; index < FILES; index++) site.write(`remote/${index}`);
    await agent.start();
    await site.pass(MINUTE);
    writeFileSync(site.path("away"), "");
    for (const name of ["disk", "other"]) renameSync(site.path(`${name}.away`), site.path(name));
    await site.pass(MINUTE);
    expect(agent.status()?.replicas.map(({ pending }) => pending.files)).toEqual([FILES, FILES]);

    const before = { logins: site.logins, copies: agent.tasksOf("copy"), failed: site.failedFiles() };
    await site.pass(30 * MINUTE);
    // Ten minutes at most lie between two, and at first less.
    expect(site.logins - before.logins).toBeLessThan(12);
    expect(agent.tasksOf("copy")).toBe(before.copies);
    // Whoever was tried first tells of all.
    expect(site.failedFiles()).toBe(before.failed);
    expect(before.failed).toBeLessThanOrEqual(2);
    for (let index = 0; index < FILES; index++)
      for (const message of await site.reasonsOf(`remote/${index}`)) expect(message).toMatch(/^OriginUnreachable.*No route/);

    // Nobody else waits.
    site.write("own/one");
    await site.pass(11 * MINUTE);
    for (const name of ["disk", "other"]) expect(site.copiesAt(name, "exao1", "own")).toBe(1);
    expect(site.copiesAt("disk", "icc", "remote")).toBe(0);

    // What waits is known to the next agent as well.
    await agent.stop();
    await agent.start();
    await site.pass(MINUTE);
    const tried = agent.tasksOf("copy");
    await site.pass(5 * MINUTE);
    expect(agent.tasksOf("copy")).toBe(tried);

    rmSync(site.path("away"));
    const logins = site.logins;
    while (site.logins === logins) await site.pass(10_000);
    await site.pass(2_000);
    for (const name of ["disk", "other"]) expect(site.copiesAt(name, "icc", "remote")).toBe(FILES);
    expect(agent.status()?.converged).toBe(true);
  }),
);

wholeTest("what another replica here has of a host that is away is copied from there", [], () =>
  withSite(async (site) => {
    const { agent } = site;
    renameSync(site.path("other"), site.path("other.away"));
    for (let index = 0; index < FILES; index++) site.write(`remote/${index}`);
    await agent.start();
    await site.pass(MINUTE);
    expect(site.copiesAt("disk", "icc", "remote")).toBe(FILES);
    writeFileSync(site.path("away"), "");
    await site.pass(11 * MINUTE);
    renameSync(site.path("other.away"), site.path("other"));
    await site.pass(MINUTE);
    expect(site.copiesAt("other", "icc", "remote")).toBe(FILES);
  }),
);
