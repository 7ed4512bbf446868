package mount

import "syscall"

// readOnly is how root mounts: nobody writes, and nothing in it runs or is a device.
const readOnly = syscall.MS_RDONLY | syscall.MS_NOSUID | syscall.MS_NODEV
