// Package sharedtest finds what tests need from outside the repository.
//
// In: the environment. Out: real files of other catalogues and tools (Path), an interpreter
// with pyarrow, polars and duckdb (Python). Always: what is missing skips a test on a
// developer's machine, and fails it where CI=true.
package sharedtest

import (
	"os"
	"path/filepath"
	"testing"
)

// Path is a file or folder of the material that lies beside the repository
// (GUICHET_SHARED).
func Path(t testing.TB, parts ...string) string {
	t.Helper()
	return filepath.Join(append([]string{named(t, "GUICHET_SHARED", "no reports and data")}, parts...)...)
}

// Python is an interpreter with pyarrow, polars and duckdb (GUICHET_PYTHON).
func Python(t testing.TB) string {
	t.Helper()
	return named(t, "GUICHET_PYTHON", "no interpreter with pyarrow")
}

// named is a variable of the environment; without is what a test has none of otherwise.
func named(t testing.TB, variable, without string) string {
	t.Helper()
	value := os.Getenv(variable)
	if value == "" && os.Getenv("CI") == "true" {
		t.Fatalf("%s is not set, and CI=true: %s", variable, without)
	}
	if value == "" {
		t.Skipf("%s is not set: %s", variable, without)
	}
	return value
}
