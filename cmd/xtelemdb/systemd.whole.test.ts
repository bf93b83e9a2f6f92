/** The agent as a service of a real systemd, with the unit that an operator installs. */
import { expect } from "bun:test";
import { newerSystemd, programPath, repositoryPath, SystemdMachine, until, wholeTest } from "../../internal/testing/mod.ts";

const CONFIGURATION = `hostname = "exao1"
[scan]
settle = "0s"
[hosts.exao1]
data_dirs = ["/data/telem"]
[replicas."/mnt/backup"]
[status]
listen = "unix:/run/xtelemdb/status.sock"
`;

/** A machine with everything installed that config/ has, a file of another user's that only he may read, and a replica. */
async function installed(machine: SystemdMachine): Promise<void> {
  machine.copy(programPath(), "/usr/local/bin/xtelemdb");
  machine.copy(repositoryPath("config", "xtelemdb.service"), "/etc/systemd/system/xtelemdb.service");
  machine.copy(
    repositoryPath("config", "xtelemdb.service.d", "replicas.conf"),
    "/etc/systemd/system/xtelemdb.service.d/replicas.conf",
  );
  machine.copy(repositoryPath("config", "xtelemdb.sysusers"), "/etc/sysusers.d/xtelemdb.conf");
  machine.write("/etc/xtelemdb/xtelemdb.toml", CONFIGURATION);
  machine.write("/data/telem/secret", "x\n");
  machine.write("/mnt/backup/lost+found/.keep", "");
  await machine.boot();
  await said(machine, "systemd-sysusers", "/etc/sysusers.d/xtelemdb.conf");
  await said(machine, "chown", "12345:12345", "/data/telem/secret");
  await said(machine, "chmod", "600", "/data/telem/secret");
}

async function said(machine: SystemdMachine, ...words: string[]): Promise<string> {
  const outcome = await machine.run(...words);
  expect(outcome.code, `${words.join(" ")}\n${outcome.stdout}${outcome.stderr}`).toBe(0);
  return outcome.stdout;
}

const journal = (machine: SystemdMachine, ...words: string[]): Promise<string> =>
  said(machine, "journalctl", "--unit=xtelemdb", "--no-pager", "--output=cat", ...words);

const property = async (machine: SystemdMachine, name: string): Promise<string> =>
  (await said(machine, "systemctl", "show", "--value", `--property=${name}`, "xtelemdb")).trim();

async function stopsInTime(machine: SystemdMachine): Promise<void> {
  const began = performance.now();
  await said(machine, "systemctl", "stop", "xtelemdb");
  expect(performance.now() - began).toBeLessThan(5_000);
  expect(await property(machine, "Result")).toBe("success");
  expect(await property(machine, "ExecMainStatus")).toBe("0");
}

wholeTest("as a service it works with the rights that the unit leaves it, and stops in time", ["systemd"], async () => {
  await using machine = new SystemdMachine();
  // Only how it is started differs: this is not about what it tells systemd.
  machine.write("/etc/systemd/system/xtelemdb.service.d/exec.conf", "[Service]\nType=exec\nWatchdogSec=0\n");
  await installed(machine);
  await said(machine, "systemctl", "start", "xtelemdb");
  await until("the first pass", async () => (await journal(machine)).includes("converged: copied 1"));
  // The file came over with its owner and mode, which takes the capabilities.
  expect(await said(machine, "stat", "-c", "%u:%g %a %s", "/mnt/backup/exao1/data/telem/secret")).toBe("12345:12345 600 2\n");
  const info = await journal(machine, "--priority=6..6", "--output=json");
  const records = info
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(records.map(({ MESSAGE }) => MESSAGE)).toContainEqual(expect.stringMatching(/^converged: copied 1/));
  const pid = await property(machine, "MainPID");
  const limits = await said(machine, "cat", `/proc/${pid}/status`);
  // DAC_OVERRIDE, DAC_READ_SEARCH, CHOWN, FOWNER, LEASE (capabilities(7)), and no more ever.
  for (const set of ["CapEff", "CapBnd", "CapAmb"]) expect(limits).toMatch(new RegExp(`^${set}:\t000000001000000f$`, "m"));
  expect(limits).toMatch(/^Seccomp:\t2$/m);
  expect(limits).toMatch(/^NoNewPrivs:\t1$/m);
  await stopsInTime(machine);
});

wholeTest("a wrong configuration is told in the journal, and not tried again and again", ["systemd"], async () => {
  await using machine = new SystemdMachine();
  await installed(machine);
  await said(machine, "sh", "-c", "echo wrong = 1 >> /etc/xtelemdb/xtelemdb.toml");
  expect((await machine.run("systemctl", "start", "xtelemdb")).code).not.toBe(0);
  expect(await property(machine, "ExecMainStatus")).toBe("2");
  expect(await property(machine, "NRestarts")).toBe("0");
  expect(await property(machine, "ActiveState")).toBe("failed");
  expect(await journal(machine, "--priority=3")).toContain('unknown key "wrong"');
});

/** Starts, reloads with a good and with a bad configuration, is watched, stops. */
async function livesWithSystemd(machine: SystemdMachine): Promise<void> {
  await said(machine, "systemctl", "start", "xtelemdb");
  expect(await property(machine, "ActiveState")).toBe("active");
  await until("a first status", async () => (await property(machine, "StatusText")) !== "");
  expect(await said(machine, "systemctl", "status", "--no-pager", "xtelemdb")).toMatch(/^ +Status: ".+"$/m);
  await until("the first pass", async () => (await journal(machine)).includes("converged: copied 1"));

  expect(await said(machine, "xtelemdb", "healthz")).toBe("alive\n");

  const before = await property(machine, "MainPID");
  await said(machine, "sh", "-c", "sed -i 's/settle = .*/settle = \"1s\"/' /etc/xtelemdb/xtelemdb.toml");
  await said(machine, "systemctl", "reload", "xtelemdb");
  await until("the new configuration in force", async () =>
    (await journal(machine)).includes("configuration generation 2 is in force"),
  );
  await until("the end of the reload", async () => (await property(machine, "ActiveState")) === "active");

  await said(machine, "sh", "-c", "echo wrong = 1 >> /etc/xtelemdb/xtelemdb.toml");
  await machine.run("systemctl", "reload", "xtelemdb");
  await until("the refusal", async () => (await journal(machine, "--priority=3")).includes('unknown key "wrong"'));
  await until("the end of the reload", async () => (await property(machine, "ActiveState")) === "active");
  expect(await property(machine, "MainPID")).toBe(before);
  await stopsInTime(machine);
}

wholeTest("it says when it is ready, what it does, when it reloads and stops", ["systemd"], async () => {
  await using machine = new SystemdMachine();
  await installed(machine);
  await livesWithSystemd(machine);
});

wholeTest("with a newer systemd a reload is waited for", ["systemd", "buildah"], async () => {
  await using machine = new SystemdMachine(newerSystemd());
  machine.copy(
    repositoryPath("config", "xtelemdb.service.d", "notify-reload.conf"),
    "/etc/systemd/system/xtelemdb.service.d/notify-reload.conf",
  );
  await installed(machine);
  await livesWithSystemd(machine);
  await said(machine, "sh", "-c", "sed -i '/wrong/d; s/settle = .*/settle = \"2s\"/' /etc/xtelemdb/xtelemdb.toml");
  await said(machine, "systemctl", "start", "xtelemdb");
  await said(machine, "sh", "-c", "sed -i 's/settle = .*/settle = \"3s\"/' /etc/xtelemdb/xtelemdb.toml");
  await said(machine, "systemctl", "reload", "xtelemdb");
  // Nothing is waited for here but the command itself.
  expect(await journal(machine)).toContain("configuration generation 4 is in force");
  expect(await property(machine, "ActiveState")).toBe("active");
});

wholeTest("an agent that hangs is ended and started anew", ["systemd"], async () => {
  await using machine = new SystemdMachine();
  const sooner = "[Service]\nWatchdogSec=2\nTimeoutAbortSec=1\nRestartSec=0\n";
  machine.write("/etc/systemd/system/xtelemdb.service.d/sooner.conf", sooner);
  await installed(machine);
  await said(machine, "systemctl", "start", "xtelemdb");
  const before = await property(machine, "MainPID");
  await until("the first pass", async () => (await journal(machine)).includes("converged: copied 1"));
  await said(machine, "kill", "-STOP", before);
  await until("a new start", async () => (await property(machine, "NRestarts")) === "1");
  await until("a new agent", async () => (await property(machine, "ActiveState")) === "active");
  expect(await property(machine, "MainPID")).not.toBe(before);
  await stopsInTime(machine);
});
