/**
 * Testing: what whole-program tests build their worlds from. Trees of files, volumes, the compiled program, faults.
 *
 * Promises: it is independent of the code under test (files are made and read back by python3, the program is only run from outside); everything that it
 * mounts, starts or writes lies below one scratch folder and is gone at the end, also when a test fails or the test run is killed.
 * Never: is imported by anything but tests, waits longer than 20 ms at once, or touches what it did not make.
 */
export * from "./datagram-receiver.ts";
export * from "./far-world.ts";
export * from "./fuse-volume.ts";
export * from "./fuzz.ts";
export * from "./hard-files.ts";
export * from "./hostile-replica-world.ts";
export * from "./hostile-sftp.ts";
export * from "./hostile-world.ts";
export * from "./inventory-file.ts";
export * from "./program.ts";
export * from "./requirement.ts";
export * from "./running-agent.ts";
export * from "./scratch.ts";
export * from "./ssh-server.ts";
export * from "./swapper.ts";
export * from "./systemd-machine.ts";
export * from "./tcp-proxy.ts";
export * from "./terminal.ts";
export * from "./trace.ts";
export * from "./tree.ts";
export * from "./until.ts";
export * from "./volume.ts";
export * from "./world.ts";
