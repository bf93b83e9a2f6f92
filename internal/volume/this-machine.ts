/** What this machine is called where it has no machine-id(5), as in most containers. */
export const THIS_MACHINE = "this machine";
