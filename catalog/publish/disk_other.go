//go:build !linux && !darwin

package publish

// disk is not known here.
func disk(string) (free, size int64, known bool) { return 0, 0, false }

// full is not known here.
func full(error) bool { return false }
