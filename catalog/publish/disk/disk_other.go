//go:build !linux && !darwin

package disk

// disk is not known here.
func disk(string) (free, size int64, known bool) { return 0, 0, false }

// Full is not known here.
func Full(error) bool { return false }
