/** A real sshd on 127.0.0.1 with keys of its own, and what a configuration needs to reach it. It ends with its scratch folder. */
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { command, start } from "./program.ts";
import { SCRATCH_VARIABLE } from "./scratch.ts";
import { until } from "./until.ts";

export const SFTP_SERVER = "/usr/lib/openssh/sftp-server";
/** The name that its key has in known_hosts. */
const ALIAS = "xtelemdb-test";
const SSHD = "/usr/sbin/sshd";

export interface SshServerOptions {
  /** The command of the sftp subsystem. Default: OpenSSH's sftp-server, as a process of its own. */
  readonly subsystem?: string;
  /** More lines of sshd_config(5). */
  readonly lines?: readonly string[];
  /** Options in front of the key in authorized_keys, such as "restrict". */
  readonly keyOptions?: string;
  /** Serves nobody's login, as nobody: for a far end to which something is forbidden. Needs root, and sftp without a shell. */
  readonly asNobody?: boolean;
}

const NOBODY = 65_534;

/** A port that nobody has now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

export class SshServer {
  private constructor(
    readonly folder: string,
    readonly port: number,
    readonly pid: number,
    private readonly user: string,
  ) {}

  /** `folder`: below a scratch folder; it is made. */
  static async start(folder: string, options: SshServerOptions = {}): Promise<SshServer> {
    mkdirSync(folder, { recursive: true });
    const path = (name: string): string => join(folder, name);
    for (const key of ["host_key", "user_key"]) {
      if (!existsSync(path(key))) command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path(key));
    }
    const port = await freePort();
    const publicKey = readFileSync(path("user_key.pub"), "utf8");
    writeFileSync(path("authorized_keys"), `${options.keyOptions ?? ""} ${publicKey}`.trimStart());
    writeFileSync(path("known_hosts"), `${ALIAS} ${readFileSync(path("host_key.pub"), "utf8")}`);
    // The folder must exist, and be root's, before sshd drops its rights in it.
    if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
    const configuration = [
      `Port ${port}`,
      "ListenAddress 127.0.0.1",
      `HostKey ${path("host_key")}`,
      `AuthorizedKeysFile ${path("authorized_keys")}`,
      "PidFile none",
      "StrictModes no",
      // Without PAM, an sshd that is not root takes every account for locked.
      `UsePAM ${options.asNobody === true ? "yes" : "no"}`,
      "PasswordAuthentication no",
      "KbdInteractiveAuthentication no",
      "PermitRootLogin yes",
      "MaxStartups 100",
      // bash(1) reads ~/.bashrc for a login of sshd's, unless it is some levels deep: what the account of whoever runs the tests does there, for seconds perhaps, is no part of them.
      "SetEnv SHLVL=2",
      `Subsystem sftp ${options.subsystem ?? SFTP_SERVER}`,
      ...(options.lines ?? []),
    ];
    writeFileSync(path("sshd_config"), `${configuration.join("\n")}\n`);
    chmodSync(path("user_key"), 0o600);
    const { asNobody = false } = options;
    if (asNobody) for (const name of readdirSync(folder)) if (!name.startsWith("user_key")) chownSync(path(name), NOBODY, NOBODY);
    const running = start([SSHD, "-D", "-e", "-f", path("sshd_config")], {
      environment: { [SCRATCH_VARIABLE]: folder },
      ...(asNobody ? { wrapper: ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"] } : {}),
    });
    let ended = "";
    void running.ended.then((outcome) => {
      ended = outcome.stderr || "it ended";
    });
    await until("sshd listens", async () => {
      if (ended !== "") throw new Error(`sshd: ${ended}`);
      return canConnect(port);
    });
    return new SshServer(folder, port, running.pid, asNobody ? "nobody" : command("id", "-un").trim());
  }

  /** For `ssh_options` of a replica. `port`: of a proxy in front of it. */
  options(port = this.port): string[] {
    return [
      `Port=${port}`,
      `IdentityFile=${join(this.folder, "user_key")}`,
      "IdentitiesOnly=yes",
      `UserKnownHostsFile=${join(this.folder, "known_hosts")}`,
      `HostKeyAlias=${ALIAS}`,
      "StrictHostKeyChecking=yes",
      `User=${this.user}`,
    ];
  }

  /** The processes at the far end that serve sftp now. */
  servers(): number[] {
    const listed = Bun.spawnSync(["pgrep", "-f", `^${SFTP_SERVER}`]).stdout.toString();
    const all = new Map(descendants(this.pid).map((pid) => [pid, true]));
    return listed
      .split("\n")
      .filter((line) => line !== "")
      .map(Number)
      .filter((pid) => all.has(pid));
  }

  /** Ends every connection at once, at the far end. */
  cut(): void {
    for (const pid of descendants(this.pid)) kill(pid, "SIGKILL");
  }

  stop(): void {
    this.cut();
    kill(this.pid, "SIGKILL");
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself.
  }
}

/** Children, and theirs. */
function descendants(pid: number): number[] {
  const children = Bun.spawnSync(["pgrep", "-P", String(pid)])
    .stdout.toString()
    .split("\n")
    .filter((line) => line !== "")
    .map(Number);
  return children.flatMap((child) => [child, ...descendants(child)]);
}

const canConnect = async (port: number): Promise<boolean> => {
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data: () => undefined } });
    socket.end();
    return true;
  } catch {
    return false;
  }
};
