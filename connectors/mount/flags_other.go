//go:build darwin || freebsd

package mount

// readOnly says nothing where the mounting program reads options alone.
const readOnly = 0
