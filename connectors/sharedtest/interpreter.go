package sharedtest

import (
	"os"
	"path/filepath"
	"testing"
)

// Catalogue is an interpreter with rdflib and mlcroissant, which make setup puts into
// .cache/catalogue of the repository.
func Catalogue(t testing.TB) string {
	t.Helper()
	return interpreter(t, "catalogue")
}

// CKAN is an interpreter with CKAN and its DCAT extension, which make setup puts into .cache/ckan.
func CKAN(t testing.TB) string {
	t.Helper()
	return interpreter(t, "ckan")
}

// interpreter is that of an environment under .cache.
func interpreter(t testing.TB, of string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err = os.Stat(filepath.Join(dir, "go.mod")); err == nil || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(dir, ".cache", of, "bin", "python")
	if _, err = os.Stat(path); err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not there, and CI=true: make setup", path)
	}
	t.Skipf("%s is not there: make setup", path)
	return ""
}
